"""Tests, as the packages stand."""
