"""
Stripe: HMAC-SHA256 over `timestamp.body` in `Stripe-Signature: t=…,v1=<hex>`.

Docs: https://docs.stripe.com/webhooks#verify-manually
Quirk: the secret starts with `whsec_` too, but all of it is the key, as text. While a secret is being rolled there are
several `v1`. The event's id stands in the body only.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from domain.errors import BadSignature
from vendors.signatures.digests import authenticate, check_any, check_moment, require_header


def verify(headers: Mapping[str, str], body: bytes, now: datetime, secrets: Sequence[bytes]) -> None:
    """Raises `BadSignature`. No header says the event's id."""
    given = [part.strip().partition("=") for part in require_header(headers, "stripe-signature").split(",")]
    moments = [value for name, _, value in given if name == "t"]
    if len(moments) != 1:
        raise BadSignature("the header stripe-signature does not hold one timestamp")
    check_moment(moments[0], now)
    signed = moments[0].encode() + b"." + body
    check_any(
        (authenticate(secret, signed).hex() for secret in secrets), (value for name, _, value in given if name == "v1")
    )
