"""Standard Webhooks 1.0 from the sender's side: an implementation that knows nothing of the gateway's."""

import hmac
import time
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from hashlib import sha256
from typing import Literal
from uuid import uuid4

Signature = Literal["good", "forged", "none"]
PREFIX = "whsec_"
_NOBODYS_KEY = b"nobody was ever given this key"


def fresh_id(kind: str) -> str:
    return f"{kind}_{uuid4().hex}"


class Signer:
    """`secret` may be changed while the vendors run."""

    def __init__(self, secret: str) -> None:
        self._key = read_secret(secret)

    def change(self, secret: str) -> None:
        """Sign with another secret from now on. Raises `ValueError`."""
        self._key = read_secret(secret)

    def headers(self, event: str, body: bytes, *, signature: Signature, timestamp: int | str) -> str:
        """The three header lines; `timestamp` is seconds from now, or text as it stands."""
        moment = str(int(time.time()) + timestamp) if isinstance(timestamp, int) else timestamp
        lines = f"webhook-id: {event}\r\nwebhook-timestamp: {moment}\r\n"
        if signature == "none":
            return lines
        key = self._key if signature == "good" else _NOBODYS_KEY
        return f"{lines}webhook-signature: {sign(key, event, moment, body)}\r\n"


def sign(key: bytes, event: str, moment: str, body: bytes) -> str:
    signed = f"{event}.{moment}.".encode("latin-1") + body
    return f"v1,{b64encode(hmac.digest(key, signed, sha256)).decode()}"


def read_secret(secret: str) -> bytes:
    """The key's bytes. Raises `ValueError` without the secret in it."""
    try:
        key = b64decode(secret.removeprefix(PREFIX), validate=True)
    except (NotBase64, ValueError):
        key = b""
    if not key or not secret.startswith(PREFIX):
        raise ValueError("the secret is not spelled whsec_<base64>")
    return key
