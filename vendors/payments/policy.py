"""How often, how long and how fast a processor may be asked, and what answers where nobody has set one."""

from datetime import timedelta

from domain.backoff import Backoff
from domain.commerce.payments import KEY_LIFETIME, VENDOR
from domain.outcomes import Outcome, Retry
from domain.vendors import Call, VendorPolicy

TIMEOUT = timedelta(seconds=30)
TRIES = 100  # over half a day: a processor that is away for hours loses us no payment
BACKOFF = Backoff(base_seconds=0.5, cap_seconds=600)
POLL_EVERY = timedelta(seconds=15)  # what no webhook has told is asked for

NOT_CONFIGURED = Retry(  # which costs no try: of those that were begun before, none is to be given up
    "payments_not_configured",
    "No processor is set: set STRIPE_SECRET_KEY and start again.",
    after=timedelta(minutes=1),
    closes_vendor=True,
)


def policy_of(limit: str | None) -> VendorPolicy:
    """`limit` counts requests, of which a call may make several, in the notation of the `limits` library."""
    return VendorPolicy(
        attempts=TRIES,
        backoff=BACKOFF,
        timeout=TIMEOUT,
        repeatable=True,
        key_lifetime=KEY_LIFETIME,
        limit=limit,
        poll_every=POLL_EVERY,
    )


class NoPayments:
    """
    A `domain.vendors.Vendor` where nobody has set a processor: the gateway runs, and its payments say what is missing.

    None of them fails at once: one that was begun at a processor may be paid there, and its order must not end by ours.
    """

    name = VENDOR
    policy = policy_of(None)
    webhooks = None

    async def call(self, call: Call) -> Outcome:  # noqa: ARG002 - there is nothing to be done with it
        return NOT_CONFIGURED

    async def poll(self, call: Call, reference: str) -> Outcome:  # noqa: ARG002 - likewise
        return NOT_CONFIGURED
