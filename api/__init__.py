"""The HTTP API: it writes a job down and answers. Only a worker calls a vendor."""
