"""
Payments: a value and its states. `docs/payments.md` draws them.

    pending ──► processing ◄──► requires_action
       │            │  │
       │            │  └──► failed ──► processing     another try, with another way to pay
       └────────────┤
                    ├──► cancelled                    nobody can pay it any more
                    └──► completed ──► refunded       all of it

What is captured and given back is never ours to say: it is read from the processor (`domain.payments.settling`). So a
payment that failed, or was cancelled, may yet turn out to be completed.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.money import Money

MOST_REFUNDS = 1_000  # of one payment, however they ended: one document holds them all


class Status(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    REQUIRES_ACTION = "requires_action"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


class Method(StrEnum):
    CREDIT_CARD = "credit_card"
    DEBIT_CARD = "debit_card"
    DIGITAL_WALLET = "digital_wallet"


class RefundStatus(StrEnum):
    """`PENDING` until the processor says otherwise: what it would give back is reserved meanwhile."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"


class Refund(BaseModel):
    """`id` is the refund's job too; of one that was made at the processor itself it derives from `reference`."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    amount: int
    status: RefundStatus = RefundStatus.PENDING
    reason: str | None = None
    reference: str | None = None  # the processor's id of it
    failure: str | None = None  # the processor's word
    by: str  # a caller's client, or `processor`
    idempotency_key: str | None = None
    fingerprint: str | None = None
    created_at: datetime


class Failure(BaseModel):
    """Why it was not paid, in the processor's words."""

    model_config = ConfigDict(frozen=True)

    code: str
    message: str


class Page(BaseModel):
    """What a page to pay on is opened with, and where it sends its buyer back to."""

    model_config = ConfigDict(frozen=True)

    product_name: str
    success_url: str
    cancel_url: str


class Payment(BaseModel):
    """
    `epoch` grows with every change: who writes on an older one loses, and learns it.

    `refunding` is what the refunds that are pending would give back; with `refunded` it is never more than `captured`
    when a refund is made. `read_at` is when the processor was asked for what is known: an older word changes nothing.
    `owed` and `sweep_at` are those of an order.
    """

    model_config = ConfigDict(frozen=True)

    id: UUID  # a UUIDv7, the page cursor too
    client: str  # whose it is
    total: Money
    status: Status = Status.PENDING
    epoch: int = 0
    order: UUID | None = None
    method: Method | None = None
    details: str | None = None  # JSON text, the client's own
    payment_method: str | None = None  # the processor's id of the way to pay that is tried
    page: Page | None = None  # of one that is paid on a page of its own, and of no order
    account: str | None = None  # at the processor, of the try that counts: on record before it is sent
    tries: int = 0  # how often it was begun at the processor: the ids of those jobs derive from it
    job: UUID | None = None  # of the try that counts
    captured: int = 0
    refunded: int = 0
    refunding: int = 0
    refunds: list[Refund] = Field(default_factory=list)
    reference: str | None = None  # the processor's id of it
    charge: str | None = None  # and of the charge
    failure: Failure | None = None
    next_action: str | None = None  # where the buyer has to go on
    receipt_url: str | None = None
    read_at: datetime | None = None
    owed: list[str] | None = None
    sweep_at: datetime | None = None
    idempotency_key: str | None = None
    fingerprint: str | None = None
    created_at: datetime
    updated_at: datetime

    @property
    def refundable(self) -> int:
        return max(0, self.captured - self.refunded - self.refunding)

    @property
    def references(self) -> list[str]:
        """The processor's ids that it has now, of itself, its charge and its refunds."""
        known = [self.reference, self.charge, *(refund.reference for refund in self.refunds)]
        return sorted({reference for reference in known if reference is not None})


class Kind(StrEnum):
    CHARGE = "charge"
    REFUND = "refund"
    REFUND_REVERSED = "refund_reversed"  # the bank would not take it: the money is with us again


class Transaction(BaseModel):
    """One movement of money at the processor: written once, with the payment that it changed, and never after."""

    model_config = ConfigDict(frozen=True)

    id: UUID  # of the time `at`, the page cursor too; the rest derives from the payment's and the processor's own
    payment: UUID
    client: str
    kind: Kind
    amount: Money
    reference: str
    at: datetime

    @property
    def signed(self) -> int:
        """What it adds to what we hold, in minor units."""
        return -self.amount.amount if self.kind is Kind.REFUND else self.amount.amount
