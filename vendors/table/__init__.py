"""Vendors that need no code: HTTP and JSON, described by a table in `vendors.toml`."""
