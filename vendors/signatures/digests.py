"""What every scheme needs: headers that are what they should be, times near to now, comparisons in constant time."""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from domain.errors import BadSignature

TOLERANCE_SECONDS = 300  # Standard Webhooks 1.0 and Stripe's libraries; here both ways

_PRINTABLE = re.compile(r"[\x20-\x7e]+")
_SECONDS = re.compile(r"[0-9]{1,12}")


def authenticate(secret: bytes, signed: bytes) -> bytes:
    """HMAC-SHA256."""
    return hmac.digest(secret, signed, hashlib.sha256)


def require_header(headers: Mapping[str, str], name: str) -> str:
    """The header's value in printable ASCII. Raises `BadSignature`."""
    value = headers.get(name)
    if value is None:
        raise BadSignature(f"the header {name} is missing")
    if not _PRINTABLE.fullmatch(value):
        raise BadSignature(f"the header {name} is not printable ASCII")
    return value


def check_moment(text: str, now: datetime) -> None:
    """Raises `BadSignature` unless `text` is a Unix time in whole seconds within the tolerance around `now`."""
    if not _SECONDS.fullmatch(text):
        raise BadSignature("the timestamp is not a Unix time in seconds")
    if abs(now.timestamp() - int(text)) > TOLERANCE_SECONDS:
        raise BadSignature(f"the timestamp is more than {TOLERANCE_SECONDS} s from now")


def check_any(expected: Iterable[str], given: Iterable[str]) -> None:
    """Raises `BadSignature` unless one that is expected was given; each comparison takes the same time."""
    given = list(given)
    if not any(hmac.compare_digest(right, claimed) for right in expected for claimed in given):
        raise BadSignature("the signature is not one of ours")


def read_text_secret(text: str) -> bytes:
    """A secret that is used as it is written. Raises ValueError."""
    if not text:
        raise ValueError("is empty, so that anybody could sign: set it")
    return text.encode()
