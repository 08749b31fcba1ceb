"""
Payments by Stripe: the vendor whose jobs move money.

Docs: docs/stripe.md, docs/payments.md
Quirk: an event of Stripe's says no more than that something changed, so each job that waits is polled, and every poll
reads how the money stands, and books it, before the job ends.
"""

from typing import assert_never

import msgspec
import structlog

from domain.commerce.payments import VENDOR, Checkout, Withdrawal
from domain.commerce.ports import PaymentJobs
from domain.money import Money
from domain.outcomes import Done, Failed, Outcome, Retry
from domain.payments.hearing import Hearing
from domain.payments.jobs import GiveBack, Look, NewCheckout, NewCustomer, Try
from domain.payments.money_state import Standing
from domain.payments.payments import Failure
from domain.payments.reconcile_jobs import Reconcile
from domain.unknowns import CODES_OF_DOUBT
from domain.vendors import Call
from domain.webhooks import WebhookReader
from vendors.payments.booking import LATER, Booking, refund_in, told
from vendors.payments.comparing import GONE
from vendors.payments.policy import policy_of
from vendors.payments.reconciling import Reconciliation
from vendors.stripe.client import StripeDoor
from vendors.stripe.faults import Declined
from vendors.stripe.words import (
    PAYMENT,
    REFUND,
    Customer,
    CustomerAsked,
    IntentAsked,
    Reason,
    RefundAsked,
    SessionAsked,
    session_end,
)

NO_PAYMENT = Failed("bad_payload", "The payload is nothing that payments have jobs for.")
ORDER = "order"  # in the metadata of what we make there

Asked = NewCustomer | NewCheckout | Try | GiveBack | Look | Checkout | Withdrawal | Reconcile

_asked = msgspec.json.Decoder(Asked)

log = structlog.get_logger()


class StripePayments:
    """A `domain.vendors.Vendor`. What its payloads are, `domain.payments.jobs` and the orders make: no client can."""

    name = VENDOR

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        door: StripeDoor,
        hearing: Hearing,
        jobs: PaymentJobs,
        webhooks: WebhookReader,
        pages: str,
        *,
        limit: str | None,
    ) -> None:
        """Buyers of orders come back to `{pages}/orders/{order_id}`. `limit`: of requests to Stripe, see `limits`."""
        self.policy = policy_of(limit)
        self._door = door
        self._hearing = hearing
        self._booking = Booking(door, hearing)
        self._reconciliation = Reconciliation(door, hearing, jobs)
        self._webhooks = webhooks
        self._pages = pages

    @property
    def webhooks(self) -> WebhookReader:
        return self._webhooks

    async def call(self, call: Call) -> Outcome:
        """Make one call. Raises `OutcomeUnknown` where Stripe may have acted and nobody can tell, and `NotNow`."""
        try:
            asked: Asked = _asked.decode(call.payload)
        except (msgspec.DecodeError, RecursionError):
            return NO_PAYMENT
        return await told(self._do(asked, call), call)

    async def poll(self, call: Call, reference: str) -> Outcome:
        """How it stands by now, which is booked first."""
        asked: Asked = _asked.decode(call.payload)
        match asked:
            case GiveBack(payment_id=payment, reference=paid, refund_id=refund):
                doing = self._booking.refund_of(payment, paid, refund, call)
            case Try(payment_id=payment):
                doing = self._booking.standing_of(payment, reference, call)
            case _:
                doing = self._booking.standing_of(call.request_id, reference, call)
        return await told(doing, call)

    async def _do(self, asked: Asked, call: Call) -> Outcome:  # noqa: PLR0911 - one for each kind of job
        match asked:
            case NewCustomer(name=name, email=email):
                return _made(await self._door.create_customer(CustomerAsked(name, email), call))
            case NewCheckout():
                return await self._open_page(asked, call)
            case Try():
                return await self._try(asked, call)
            case GiveBack():
                return await self._give_back(asked, call)
            case Look(payment_id=payment, reference=reference):
                await self._booking.hear(payment, reference, call)
                return Done("null")
            case Checkout():
                return await self._open(asked, call)
            case Withdrawal():
                return await self._close(asked, call)
            case Reconcile():
                return await self._reconciliation.compare(asked, call)
            case _:
                assert_never(asked)

    async def _try(self, asked: Try, call: Call) -> Outcome:
        """Of what is on record, and was not paid by now: a late event may have told that of a try in doubt."""
        booked = await self._booking.begin(asked.payment_id, call)
        if booked.captured > 0 and booked.reference is not None:
            return await self._booking.standing_of(asked.payment_id, booked.reference, call)
        intent = await self._door.create_intent(
            IntentAsked(
                money=Money(amount=asked.amount, currency=asked.currency),
                payment_method=asked.payment_method,
                return_url=asked.return_url,
                metadata={PAYMENT: str(asked.payment_id)},
            ),
            call,
        )
        if isinstance(intent, Retry):
            return intent
        if not isinstance(intent, Failed):
            standing = self._booking.standing_of(asked.payment_id, intent.id, call)
            return await self._booking.of_made(standing, call, intent.id)
        made = intent.intent_id if isinstance(intent, Declined) else None
        if made is not None:
            return await self._booking.of_made(self._declined(asked, made, intent, call), call, made)
        if intent.code not in CODES_OF_DOUBT:
            why = Failure(code=intent.code, message=intent.reason)
            await self._hearing.never_tried(asked.payment_id, call.request_id, Standing.DECLINED, why)
        return intent

    async def _open_page(self, asked: NewCheckout, call: Call) -> Outcome:
        await self._booking.begin(asked.payment_id, call)
        session = await self._door.create_session(
            SessionAsked(
                money=Money(amount=asked.amount, currency=asked.currency),
                product_name=asked.product_name,
                success_url=asked.success_url,
                cancel_url=asked.cancel_url,
                metadata={PAYMENT: str(asked.payment_id)},
            ),
            call,
        )
        if isinstance(session, Retry | Failed):
            return session
        booked = await told(self._booking.standing_of(asked.payment_id, session.id, call), call)
        if isinstance(booked, Retry):  # its events name it
            log.warning("a page waits to be booked", payment_id=str(asked.payment_id), why=booked.code)
        return Done(session.text)

    async def _declined(self, asked: Try, made: str, why: Failed, call: Call) -> Outcome:
        await self._booking.hear(asked.payment_id, made, call)
        return why

    async def _open(self, asked: Checkout, call: Call) -> Outcome:
        await self._booking.begin(call.request_id, call)
        back = f"{self._pages}/orders/{asked.order_id}"
        session = await self._door.create_session(
            SessionAsked(
                money=Money(amount=asked.amount, currency=asked.currency),
                product_name=f"Order {asked.order_id}",
                success_url=back,
                cancel_url=back,
                expires_at=None if asked.begun_at is None else session_end(asked.begun_at, asked.expires_at),
                reference=str(asked.order_id),
                metadata={PAYMENT: str(call.request_id), ORDER: str(asked.order_id)},
            ),
            call,
        )
        if isinstance(session, Retry | Failed):
            return session
        standing = self._booking.standing_of(call.request_id, session.id, call)
        return await self._booking.of_made(standing, call, session.id, session.url)

    async def _close(self, asked: Withdrawal, call: Call) -> Outcome:
        """Whatever had become of it: its own job tells that. Where another account has it, it is still open there."""
        payment = None if asked.payment_id is None else await self._hearing.payments.find(asked.payment_id, None)
        if payment is not None:
            await self._booking.check(payment, call)
        session = await self._door.expire_session(asked.reference, call)
        if isinstance(session, Failed) and session.code == GONE:  # our account never had it, so it is another's
            return Retry(session.code, session.reason, LATER)
        if isinstance(session, Retry):
            return session
        return Done("null" if isinstance(session, Failed) else session.text)

    async def _give_back(self, asked: GiveBack, call: Call) -> Outcome:
        """Once it is sure that it was not made: under a key that Stripe has forgotten it would be made again."""
        state = await self._booking.hear(asked.payment_id, asked.reference, call)
        known = refund_in(state, asked.refund_id)
        if known is not None:
            return known
        money = Money(amount=asked.amount, currency=asked.currency)
        reason = None if asked.reason is None else Reason(asked.reason)
        refund = await self._door.create_refund(
            RefundAsked(asked.reference, money, reason, {REFUND: str(asked.refund_id)}), call
        )
        if isinstance(refund, Retry):
            return refund
        if isinstance(refund, Failed):
            if refund.code not in CODES_OF_DOUBT:
                await self._hearing.refund_refused(asked.payment_id, asked.refund_id, refund.reason)
            return refund
        became = self._booking.refund_of(asked.payment_id, asked.reference, asked.refund_id, call)
        return await self._booking.of_made(became, call, refund.id)


def _made(made: Customer | Retry | Failed) -> Outcome:
    return made if isinstance(made, Retry | Failed) else Done(made.text)
