"""What the processor says of one payment, read from it at one moment, and in our words."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.payments.payments import Failure, RefundStatus


class Standing(StrEnum):
    OPEN = "open"  # it can be paid, and was not
    REQUIRES_ACTION = "requires_action"  # its buyer has to confirm it
    PROCESSING = "processing"
    PAID = "paid"
    DECLINED = "declined"  # an explicit no; another way to pay may be tried
    CLOSED = "closed"  # expired or called off: nobody can pay it any more


@dataclass(frozen=True, slots=True)
class RefundState:
    """`ours` is the id that we gave it; None for one that was made at the processor itself."""

    reference: str
    amount: int
    status: RefundStatus
    created_at: datetime
    ours: UUID | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class MoneyState:
    """
    Minor units of `currency`. `read_at` is when the processor was asked, by the fleet's clock.

    `reference` None: it has no object of this payment. `made_by` is the job that had that object made.
    """

    reference: str | None
    standing: Standing
    currency: str
    captured: int
    read_at: datetime
    charge: str | None = None
    charged_at: datetime | None = None
    refunds: tuple[RefundState, ...] = field(default=())
    failure: Failure | None = None
    next_action: str | None = None
    receipt_url: str | None = None
    made_by: UUID | None = None
