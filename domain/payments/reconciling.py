"""
Reconciliation: what the processor lists, held against our books. Nothing is booked from a list: what differs is heard.

`docs/payments.md` tells what each finding means, and what a person does about those that are left.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import assert_never
from uuid import UUID

import msgspec

from domain.jobs import Job
from domain.money import Money
from domain.payments.money_state import RefundState, Standing
from domain.payments.payments import Payment, RefundStatus, Status

MOST_NAMED = 20  # of each finding; the counts go on


class Phase(StrEnum):
    """What a page of a run is of, in this order."""

    INTENTS = "intents"  # payments at the processor
    REFUNDS = "refunds"  # of older payments too, and those that somebody made there
    PAGES = "pages"  # to pay on, of orders
    OURS = "ours"  # what is under way with us, and nobody is at it any more


class Finding(StrEnum):
    AGREED = "agreed"
    MENDED = "mended"
    RELEASED = "released"  # a refund of which the processor has none: what it reserved is free
    OPEN = "open"  # not decided yet: the next run looks again
    STRANGER = "strangers"  # at the processor, and of no payment of ours
    NOT_ON_RECORD = "not_on_record"  # it says that it is of a payment of ours, and there is none
    NOT_AT_PROCESSOR = "not_at_processor"  # tried, and there is no trace of it there
    IN_DOUBT = "in_doubt"  # tried before the time that this run looked at
    CONTRADICTION = "contradictions"  # it cannot be: nothing was booked
    OTHER_ACCOUNT = "other_account"  # it goes through another account than the key's: nothing was asked


FOR_A_PERSON = (
    Finding.NOT_ON_RECORD,
    Finding.NOT_AT_PROCESSOR,
    Finding.IN_DOUBT,
    Finding.CONTRADICTION,
    Finding.OTHER_ACCOUNT,
)


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`ids` are payments', refunds' of ours, or, of what is not ours, the processor's; the first few of each."""

    counts: dict[Finding, int] = {}
    ids: dict[Finding, list[str]] = {}

    def noting(self, finding: Finding, subject: str) -> "Report":
        counts = {**self.counts, finding: self.counts.get(finding, 0) + 1}
        named = self.ids.get(finding, [])
        if finding is Finding.AGREED or subject in named or len(named) >= MOST_NAMED:
            return Report(counts, self.ids)
        return Report(counts, {**self.ids, finding: [*named, subject]})

    @property
    def compared(self) -> int:
        return sum(self.counts.values())

    @property
    def left(self) -> int:
        """What a person has to look at."""
        return sum(self.counts.get(finding, 0) for finding in FOR_A_PERSON)


@dataclass(frozen=True, slots=True)
class Seen:
    """
    A payment, or a page to pay on, as a list of the processor's shows it.

    `job` and `generation` are the marks of who made it. A page tells nothing of money: its payment does.
    """

    reference: str
    standing: Standing
    captured: Money
    given_back: int = 0  # what has failed left out
    job: UUID | None = None
    generation: int | None = None
    is_page: bool = False


class Verdict(Enum):
    AGREES = auto()
    DIFFERS = auto()
    CHARGED_TWICE = auto()


def is_of_the_try_that_counts(payment: Payment, seen: Seen, job: Job | None) -> bool:
    """By its marks alone: a payment goes by the reference of an earlier try until a later one is booked."""
    return seen.job is not None and seen.job == payment.job and (job is None or seen.generation == job.generation)


def judged(payment: Payment, seen: Seen, *, counts: bool) -> Verdict:
    """
    Whether the payment has to be heard again. `counts`: it is of the try that counts.

    Money is compared whichever try brought it in. Without money an earlier try says nothing about a later one: to
    book its no would end a payment that is just being tried, and let it be tried, and paid, once more.
    """
    booked, mine = payment.total.model_copy(update={"amount": payment.captured}), seen.reference == payment.reference
    if seen.captured.amount > 0:
        if payment.captured > 0 and not mine:
            return Verdict.CHARGED_TWICE
        same = seen.captured == booked and seen.given_back == known_at_processor(payment)
        return Verdict.AGREES if same else Verdict.DIFFERS
    if payment.captured > 0:
        return Verdict.DIFFERS if mine else Verdict.AGREES
    if not counts or (payment.order is not None and not seen.is_page):  # an order's page says whether it can be paid
        return Verdict.AGREES
    return Verdict.AGREES if payment.status in _expected(seen.standing) else Verdict.DIFFERS


def has_refund(payment: Payment, seen: RefundState) -> bool:
    """Whether our books have it as the processor does."""
    return any(
        (refund.reference, refund.status, refund.amount) == (seen.reference, seen.status, seen.amount)
        for refund in payment.refunds
    )


def known_at_processor(payment: Payment) -> int:
    """What is given back by refunds that the processor has, those under way too."""
    waiting = (one for one in payment.refunds if one.status is RefundStatus.PENDING and one.reference is not None)
    return payment.refunded + sum(refund.amount for refund in waiting)


def _expected(standing: Standing) -> frozenset[Status]:
    match standing:
        case Standing.PAID:
            return frozenset({Status.COMPLETED, Status.REFUNDED})
        case Standing.DECLINED:
            return frozenset({Status.FAILED})
        case Standing.CLOSED:
            return frozenset({Status.CANCELLED})
        case Standing.REQUIRES_ACTION:
            return frozenset({Status.REQUIRES_ACTION})
        case Standing.OPEN | Standing.PROCESSING:
            return frozenset({Status.PENDING, Status.PROCESSING, Status.REQUIRES_ACTION})
        case never:
            assert_never(never)
