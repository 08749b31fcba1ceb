"""
GitHub: HMAC-SHA256 over the body in `X-Hub-Signature-256: sha256=<hex>`, the event's id in `X-GitHub-Delivery`.

Docs: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
Quirk: no timestamp is signed, so only the inbox's unique id stops a replay.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from vendors.signatures.digests import authenticate, check_any, require_header

DELIVERY = "x-github-delivery"


def verify(headers: Mapping[str, str], body: bytes, _now: datetime, secrets: Sequence[bytes]) -> str | None:
    """The event's id, if its header is there. Raises `BadSignature`."""
    given = require_header(headers, "x-hub-signature-256")
    check_any((f"sha256={authenticate(secret, body).hex()}" for secret in secrets), [given])
    return require_header(headers, DELIVERY) if DELIVERY in headers else None
