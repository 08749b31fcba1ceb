"""
Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body` in `webhook-signature`, as `v1,<base64>`.

Docs: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
Quirk: the signature's header is a list, separated by spaces; versions that are not `v1` are skipped.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime

from vendors.signatures.digests import authenticate, check_any, check_moment, require_header

_PREFIX = "whsec_"  # of a secret


def verify(headers: Mapping[str, str], body: bytes, now: datetime, secrets: Sequence[bytes]) -> str:
    """The event's id. Raises `BadSignature`."""
    event_id = require_header(headers, "webhook-id")
    moment = require_header(headers, "webhook-timestamp")
    given = require_header(headers, "webhook-signature")
    check_moment(moment, now)
    check_any((sign(secret, event_id, moment, body) for secret in secrets), given.split())
    return event_id


def sign(secret: bytes, event_id: str, moment: str, body: bytes) -> str:
    """One signature with its version; `moment` is Unix seconds as they stand in the header."""
    signed = b".".join((event_id.encode(), moment.encode(), body))
    return "v1," + base64.b64encode(authenticate(secret, signed)).decode()


def read_secret(text: str) -> bytes:
    """The key in `whsec_<base64>`. Raises ValueError, without repeating it."""
    remedy = "for the scheme standard it is whsec_ and then base64: copy it from the vendor once more"
    if not text.startswith(_PREFIX):
        raise ValueError(f"does not start with whsec_; {remedy}")
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"is not base64 after whsec_; {remedy}") from None
    if not key:
        raise ValueError(f"is empty, so that anybody could sign; {remedy}")
    return key
