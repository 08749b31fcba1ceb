"""Payments, and the movements of their money, in MongoDB."""
