"""Tests of what both HTTP servers share."""
