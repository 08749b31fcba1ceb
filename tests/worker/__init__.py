"""Tests of the worker on real stores, with vendors that live in the test."""
