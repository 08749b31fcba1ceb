"""
What Stripe's lists show, one object at a time, held against the books. What differs is read again, and then booked.

A list is older than the next look, and tells a part of the truth: it only says which payments to look at.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar
from uuid import UUID

import structlog

from domain.commerce.ports import PaymentJobs
from domain.money import Money
from domain.payments.money_state import RefundState, Standing
from domain.payments.payments import Payment
from domain.payments.ports import PaymentStore
from domain.payments.reconciling import Finding, Seen, Verdict, has_refund, is_of_the_try_that_counts, judged
from domain.payments.settling import Contradiction
from domain.request_ids import read_request_id
from domain.vendors import Call
from vendors.payments.booking import OTHER_ACCOUNT, Booking, NotHeard
from vendors.stripe.money import refund_state, standing_of_intent
from vendors.stripe.words import GENERATION, JOB, PAYMENT, REFUND, Intent, Refund, Session, Unread

GONE = "resource_missing"

_REFUSED = {GONE: Finding.NOT_AT_PROCESSOR, OTHER_ACCOUNT: Finding.OTHER_ACCOUNT}  # others leave it in doubt

Made = TypeVar("Made", Intent, Session)

log = structlog.get_logger()

Note = tuple[Finding, str]  # and of what


class Comparing:
    """For one page. All methods raise `NotHeard`, `NotNow`, `Unavailable`: then this object was not compared."""

    def __init__(self, booking: Booking, payments: PaymentStore, jobs: PaymentJobs, call: Call) -> None:
        self._booking = booking
        self._payments = payments
        self._jobs = jobs
        self._call = call
        self.heard = 0  # how many payments were read again

    async def intent(self, intent: Intent | Unread) -> Note:
        return _unread(intent) if isinstance(intent, Unread) else await self._marked(intent, _seen_intent)

    async def session(self, session: Session | Unread) -> Note:
        return _unread(session) if isinstance(session, Unread) else await self._marked(session, _seen_page)

    async def refund(self, refund: Refund | Unread) -> Note:
        """Of a payment of any age, whoever made it."""
        if isinstance(refund, Unread):
            return _unread(refund)
        payment = None if refund.intent_id is None else await self._payments.find_by_reference(refund.intent_id)
        if payment is None:
            return (Finding.NOT_ON_RECORD if REFUND in refund.metadata else Finding.STRANGER), refund.id
        seen = refund_state(refund)
        return await self._compare_refund(payment, refund.intent_id or "", seen), str(payment.id)

    async def mend(self, payment: Payment, reference: str) -> Finding:
        """Read it again, and book what was read. `AGREED` where that changed nothing."""
        self.heard += 1
        try:
            await self._booking.hear(payment.id, reference, self._call)
        except Contradiction as fault:
            log.error("stripe says of a payment what cannot be", payment_id=str(payment.id), why=str(fault))  # noqa: TRY400
            return Finding.CONTRADICTION
        except NotHeard as nothing:
            if not nothing.refused:
                raise
            return _REFUSED.get(nothing.outcome.code, Finding.IN_DOUBT)
        after = await self._payments.find(payment.id, None)
        return Finding.AGREED if after is None or after.epoch == payment.epoch else Finding.MENDED

    async def is_elsewhere(self, payment: Payment) -> bool:
        """Whether it goes through another account than ours, of whose objects ours has none."""
        try:
            await self._booking.check(payment, self._call)
        except NotHeard as nothing:
            if nothing.outcome.code != OTHER_ACCOUNT:
                raise
            return True
        return False

    async def _marked(self, made: Made, see: Callable[[Made], Seen]) -> Note:
        """What we made carries its payment's id."""
        named = _id_in(made.metadata, PAYMENT)
        if named is None:
            return Finding.STRANGER, made.id
        payment = await self._payments.find(named, None)
        if payment is None:
            return Finding.NOT_ON_RECORD, made.id
        return await self._compare(payment, see(made)), str(payment.id)

    async def _compare(self, payment: Payment, seen: Seen) -> Finding:
        job = await self._jobs.find(seen.job) if seen.job is not None and seen.job == payment.job else None
        match judged(payment, seen, counts=is_of_the_try_that_counts(payment, seen, job)):
            case Verdict.AGREES:
                return Finding.AGREED
            case Verdict.DIFFERS:
                return await self.mend(payment, seen.reference)
            case Verdict.CHARGED_TWICE:
                log.error("two tries of a payment were charged", payment_id=str(payment.id), reference=seen.reference)
                return Finding.CONTRADICTION

    async def _compare_refund(self, payment: Payment, intent_id: str, seen: RefundState) -> Finding:
        if has_refund(payment, seen):
            return Finding.AGREED
        if payment.captured > 0 and payment.reference != intent_id:  # of a charge that is not in the books
            return Finding.CONTRADICTION
        return await self.mend(payment, intent_id)


def _unread(found: Unread) -> Note:
    ours = {PAYMENT, REFUND, JOB} & found.metadata.keys()
    return (Finding.CONTRADICTION if ours else Finding.STRANGER), found.id


def _seen_intent(intent: Intent) -> Seen:
    given_back = 0 if intent.charge is None else intent.charge.refunded.amount
    return Seen(
        intent.id,
        standing_of_intent(intent),
        intent.received,
        given_back,
        _id_in(intent.metadata, JOB),
        _generation_in(intent.metadata),
    )


def _seen_page(session: Session) -> Seen:
    nothing = Money(amount=0, currency=session.money.currency)
    job, generation = _id_in(session.metadata, JOB), _generation_in(session.metadata)
    return Seen(session.id, _standing_of_page(session), nothing, 0, job, generation, is_page=True)


def _standing_of_page(session: Session) -> Standing:
    match session.status:
        case "open":
            return Standing.OPEN
        case "expired":
            return Standing.CLOSED
        case _:
            return Standing.PAID if session.payment_status == "paid" else Standing.PROCESSING


def _id_in(metadata: Mapping[str, str], name: str) -> UUID | None:
    return read_request_id(metadata.get(name, ""))


def _generation_in(metadata: Mapping[str, str]) -> int | None:
    text = metadata.get(GENERATION, "")
    return int(text) if text.isascii() and text.isdigit() else None
