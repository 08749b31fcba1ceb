"""Accounts in MongoDB: each module holds the real one of a port of `domain.accounts.ports`."""
