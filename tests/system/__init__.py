"""The whole gateway as strangers meet it: real processes and servers, spoken to over HTTP and by signals."""
