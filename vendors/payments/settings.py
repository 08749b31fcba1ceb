"""Where the payment processor is, what it signs with, and where buyers and its webhooks are sent."""

from dataclasses import dataclass
from datetime import timedelta

from pydantic import SecretStr

POLL_EVERY = timedelta(seconds=15)  # what no webhook has told is asked for


@dataclass(frozen=True, slots=True)
class PaymentsSettings:
    """URLs without a slash at the end. Buyers come back to `{pages}/orders/{order_id}`."""

    url: str
    secret: SecretStr
    webhook_url: str
    pages: str
    poll_every: timedelta = POLL_EVERY
