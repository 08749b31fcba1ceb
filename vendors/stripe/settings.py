"""Stripe's keys, where its API is, and the version of it that this package speaks."""

import re
from dataclasses import dataclass

from pydantic import SecretStr

API_VERSION = "2026-10-28.endive"  # of stripe 16.1.0; a change of it is a change of `wire`
API_BASE = "https://api.stripe.com"

_LIVE, _TEST = ("sk_live_", "rk_live_"), ("sk_test_", "rk_test_")
_WHOLE = re.compile(r"[sr]k_(live|test)_[!-~]+")
_SIGNING = re.compile(r"whsec_[!-~]+")


@dataclass(frozen=True, slots=True)
class StripeSettings:
    """
    `api_base` is a URL without a slash at the end.

    A secret key of a live account anywhere but at Stripe itself is refused: somebody else would learn it.
    """

    secret_key: SecretStr
    webhook_secret: SecretStr
    api_base: str = API_BASE

    def __post_init__(self) -> None:
        """Raises `ValueError`, without repeating a secret."""
        key = self.secret_key.get_secret_value()
        if not key.startswith(_LIVE + _TEST):
            raise ValueError(
                "STRIPE_SECRET_KEY is no secret key: set one that starts with sk_live_, rk_live_, sk_test_, rk_test_"
            )
        if not _WHOLE.fullmatch(key):
            raise ValueError("STRIPE_SECRET_KEY is cut short, or holds a character that no key has: copy it once more")
        if not _SIGNING.fullmatch(self.webhook_secret.get_secret_value()):
            raise ValueError(
                "STRIPE_WEBHOOK_SECRET is no signing secret: copy the endpoint's, which starts with whsec_"
            )
        if self.livemode and self.api_base != API_BASE:
            raise ValueError(f"STRIPE_SECRET_KEY is a live one, STRIPE_API_BASE is not {API_BASE}: unset one")

    @property
    def limit(self) -> str:
        """Requests a second that leave room below what Stripe allows: https://docs.stripe.com/rate-limits, 11/2026."""
        return "80/second" if self.livemode else "20/second"  # of 100 and 25

    @property
    def livemode(self) -> bool:
        """Whether real money moves. An event of the other mode is not for us."""
        return self.secret_key.get_secret_value().startswith(_LIVE)
