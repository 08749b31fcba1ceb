"""Mutants of the gateway, each without one guard, and the tests that must notice."""
