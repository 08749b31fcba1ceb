"""Tests of the API over HTTP, on fakes: no network, no store."""
