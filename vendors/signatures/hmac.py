"""
The plainest scheme: HMAC-SHA256 over the body in `X-Signature`, in hex or base64, with or without `sha256=` before it.

Quirk: nothing but the body is signed, so only the inbox's unique id stops a replay.
"""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime

from vendors.signatures.digests import authenticate, check_any, require_header


def verify(headers: Mapping[str, str], body: bytes, _now: datetime, secrets: Sequence[bytes]) -> None:
    """Raises `BadSignature`. No header says the event's id."""
    given = require_header(headers, "x-signature").removeprefix("sha256=")
    codes = [authenticate(secret, body) for secret in secrets]
    in_hex = (code.hex() for code in codes)
    in_base64 = (base64.b64encode(code).decode() for code in codes)
    check_any([*in_hex, *in_base64], [given, given.lower()])
