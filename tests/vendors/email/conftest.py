"""Fixtures of the tests of mails."""

from tests.vendors.email.mail_server import trust

__all__ = ["trust"]
