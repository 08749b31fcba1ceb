"""
Payments of orders: the vendor whose jobs move money.

Docs: docs/orders.md
Quirk: which processor moves it is a port. Each honours `Idempotency-Key` and says by webhook, or when it is asked, what
became of a checkout; nothing else ends one.
"""

from datetime import timedelta
from typing import Protocol, assert_never

import msgspec

from domain.backoff import Backoff
from domain.commerce.payments import LIFETIME, VENDOR, Asked, Checkout, Refund, Withdrawal
from domain.outcomes import Failed, Outcome, Retry
from domain.vendors import Call, VendorPolicy
from domain.webhooks import WebhookReader

TIMEOUT = timedelta(seconds=10)
TRIES = 100  # over half a day: a processor that is away for hours loses us no payment
BACKOFF = Backoff(base_seconds=0.5, cap_seconds=600)

NO_PAYMENT = Failed("bad_payload", "The payload is no checkout, no withdrawal and no refund.")
NOT_CONFIGURED = Retry("payments_not_configured", "No processor is set: set GATEWAY_PAYMENTS_URL and start again.")

_asked = msgspec.json.Decoder(Asked)


class Processor(Protocol):
    """Moves money. All methods answer as `Vendor.call` does, and raise what that raises."""

    @property
    def webhooks(self) -> WebhookReader | None: ...

    async def open(self, checkout: Checkout, call: Call) -> Outcome:
        """Take a checkout: `Waiting`, with the buyer's page as a `TakenWith`."""
        ...

    async def look(self, reference: str, call: Call) -> Outcome:
        """What became of a checkout: only the processor's explicit word is `Done` (paid) or `Failed`."""
        ...

    async def close(self, reference: str, call: Call) -> Outcome:
        """Let nobody pay it any more. `Done`, whatever had become of it: the checkout itself tells that."""
        ...

    async def refund(self, refund: Refund, call: Call) -> Outcome:
        """Give it back, once for the call's key. `Done` when the processor says that it has."""
        ...


class Payments:
    """A `domain.vendors.Vendor`. Its payload is an `Asked`, which no client can submit."""

    name = VENDOR

    def __init__(self, processor: Processor, poll_every: timedelta) -> None:
        self.policy = VendorPolicy(
            attempts=TRIES,
            backoff=BACKOFF,
            timeout=TIMEOUT,
            repeatable=True,
            key_lifetime=LIFETIME,
            poll_every=poll_every,
        )
        self._processor = processor

    @property
    def webhooks(self) -> WebhookReader | None:
        return self._processor.webhooks

    async def call(self, call: Call) -> Outcome:
        """Make one call. Raises `OutcomeUnknown` when the processor may have acted and nobody can tell."""
        try:
            asked: Asked = _asked.decode(call.payload)
        except (msgspec.DecodeError, RecursionError):
            return NO_PAYMENT
        match asked:
            case Checkout():
                return await self._processor.open(asked, call)
            case Withdrawal(reference=reference):
                return await self._processor.close(reference, call)
            case Refund():
                return await self._processor.refund(asked, call)
            case _:
                assert_never(asked)

    async def poll(self, call: Call, reference: str) -> Outcome:
        return await self._processor.look(reference, call)


class NoProcessor:
    """
    A `Processor` where nobody has set any: the gateway runs, and its payments say what is missing.

    None of them fails at once: one that was begun at a processor may be paid there, and its order must not end by ours.
    """

    webhooks = None

    async def open(self, checkout: Checkout, call: Call) -> Outcome:  # noqa: ARG002 - there is nothing to be done with them
        return NOT_CONFIGURED

    async def look(self, reference: str, call: Call) -> Outcome:  # noqa: ARG002 - likewise
        return NOT_CONFIGURED

    async def close(self, reference: str, call: Call) -> Outcome:  # noqa: ARG002 - likewise
        return NOT_CONFIGURED

    async def refund(self, refund: Refund, call: Call) -> Outcome:  # noqa: ARG002 - likewise
        return NOT_CONFIGURED
