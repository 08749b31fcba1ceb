"""
An order's payment as jobs of the vendor `payments`: what they carry, what they are called, and what is known of one.

    payment.checkout   the payment itself; it ends by the processor's explicit word alone
    payment.withdraw   its order was cancelled: nobody is to pay it any more

What was paid all the same goes back as every refund does (`domain.payments.jobs`).

Ids derive from the order's, and from the payment's: whoever makes one, and however often, makes the same one.
"""

from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any
from uuid import UUID

import msgspec

from domain.commerce.orders import Order
from domain.errors import Conflict
from domain.interventions import ORDER, PAYMENT, may_have_acted
from domain.jobs import Job, Status
from domain.request_ids import derived_id
from domain.submissions import QUEUED_WITHIN
from domain.submitted_fields import to_milliseconds

VENDOR = "payments"  # the vendor's name, which no table may take and no client may ask for
LIFETIME = timedelta(days=7)  # of a payment, and of a refund: then a person has to look
KEY_LIFETIME = timedelta(hours=24)  # of the processor's idempotency keys
CHECKOUT, WITHDRAW = "payment.checkout", "payment.withdraw"
PROCESS, GIVE_BACK = "payment.process", "payment.give_back"
MOVE_MONEY = frozenset({CHECKOUT, PROCESS, GIVE_BACK})


class Checkout(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag=CHECKOUT):
    """Minor units. `expires_at`: unpaid by then the order is cancelled, and the processor's page is to close."""

    order_id: UUID
    amount: int
    currency: str
    expires_at: datetime | None = None
    begun_at: datetime | None = None  # a processor may count the page's time from then


class Withdrawal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag=WITHDRAW):
    reference: str  # the processor's id of the checkout
    payment_id: UUID | None = None  # of those that were made before it stood here


class TakenWith(msgspec.Struct, frozen=True):
    """What the buyer needs of the processor's answer to a checkout."""

    redirect_url: str


class Known(Enum):
    """What is known of a payment, by its job."""

    UNCALLED = auto()  # the processor has not heard of it
    CALLED = auto()  # it may have
    OPEN = auto()  # it has it, and somebody may pay it
    PAID = auto()
    UNPAID = auto()  # it ended, and nobody can pay it any more
    IN_DOUBT = auto()  # its job ended, and nobody knows


def payment_id(order: Order) -> UUID:
    """The id of the next payment of this order."""
    return derived_id(order.id, f"{order.id}:payment:{order.payments + 1}")


def checkout_job(order: Order, now: datetime) -> Job:
    """The job of `order.payment`."""
    asked = Checkout(order.id, order.total.amount, order.total.currency, order.expires_at, to_milliseconds(now))
    return _job(_payment_of(order), order, asked, CHECKOUT, now, at_end=[ORDER, PAYMENT])


def withdrawal_job(order: Order, payment: Job, now: datetime) -> Job:
    """It ends nothing by itself: the payment's own end tells the order."""
    asked = Withdrawal(payment.vendor_ref or "", payment.id)
    return _job(derived_id(payment.id, f"{payment.id}:withdraw"), order, asked, WITHDRAW, now, parent=payment.id)


def known_of(payment: Job) -> Known:
    """Unknown is not failed: only where the processor said no, or never heard of it, is it sure that nobody can pay."""
    match payment.status:
        case Status.COMPLETE:
            return Known.PAID
        case Status.FAILED | Status.CANCELLED:
            return Known.IN_DOUBT if may_have_acted(payment) else Known.UNPAID
        case Status.PROCESSING if payment.vendor_ref is not None:
            return Known.OPEN
        case _:
            return Known.CALLED if payment.attempts or payment.attempts_folded else Known.UNCALLED


def is_unsettled(job: Job) -> bool:
    """
    Whether it has ended, and nobody knows whether money moved: it may yet be run again.

    By its payload, which says how much and no stranger's word, so that is not removed meanwhile.
    """
    moves_money = job.vendor == VENDOR and kind_of(job) in MOVE_MONEY
    return moves_money and job.status is Status.FAILED and known_of(job) is Known.IN_DOUBT


def kind_of(job: Job) -> str:
    """What this job of the vendor is; `metadata` is all that a sweep has read of it."""
    return (job.metadata or {}).get("kind", CHECKOUT)


def taken_with(payment: Job) -> TakenWith | None:
    """Where to pay, once the processor has said so."""
    return None if payment.taken_with is None else msgspec.json.decode(payment.taken_with, type=TakenWith)


def cannot_be_paid(detail: str) -> Conflict:
    return Conflict(detail, code="order-state")


def _payment_of(order: Order) -> UUID:
    if order.payment is None:
        raise ValueError("no payment of this order was begun")
    return order.payment


def _job(made: UUID, order: Order, asked: Checkout | Withdrawal, kind: str, now: datetime, **fields: Any) -> Job:
    created = to_milliseconds(now)
    return Job(
        id=made,
        client=order.client,  # who ordered sees how it stands
        vendor=VENDOR,
        payload=msgspec.json.encode(asked).decode(),
        metadata={"kind": kind, "order_id": str(order.id)},
        run_at=created,
        deadline=created + LIFETIME,
        created_at=created,
        updated_at=created,
        sweep_at=created + QUEUED_WITHIN,
        **fields,
    )
