"""
Requests to the routes of accounts as bytes, each from another claimed address.

The gateway that they are for trusts one proxy (`GATEWAY_TRUSTED_HOPS=1`), so that a load generator on one machine is
as many strangers as it likes.
"""

import json
import random

from loadtest.raw_http import request_bytes

PASSWORD = "four unrelated words here"  # noqa: S105 - of accounts that live as long as a measurement
WRONG = "four unrelated words there"
ONE_PLACE = "192.0.2.1"


def anywhere() -> str:
    """One of some sixteen million addresses."""
    return ".".join(["10", *(str(random.randrange(256)) for _ in range(3))])


def new_name() -> str:
    return f"{random.getrandbits(48):012x}@example.com"


def register(email: str) -> bytes:
    return _asked("POST", "/auth/register", {"email": email, "password": PASSWORD})


def sign_in(email: str, password: str = WRONG, address: str | None = None) -> bytes:
    return _asked("POST", "/auth/login", {"email": email, "password": password}, address)


def forgot_password(email: str) -> bytes:
    return _asked("PUT", "/auth/forgot-password", {"email": email})


def _asked(method: str, path: str, body: dict[str, str], address: str | None = None) -> bytes:
    return request_bytes(method, path, json.dumps(body).encode(), f"X-Forwarded-For: {address or anywhere()}\r\n")
