"""Services behind the gateway, reached over HTTP: `[services.NAME]` of the tables, and the calls to their instances."""
