"""The webhook receiver: verify, store, answer; a worker applies. Imports neither the API nor the worker."""
