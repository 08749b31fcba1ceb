"""Tests of the webhook receiver over HTTP, on fakes: no network, no store."""
