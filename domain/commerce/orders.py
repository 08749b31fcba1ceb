"""
Orders: a value and its legal moves. `docs/orders.md` draws them.

    Pending ──► AwaitingPayment ──► Paid ──► Shipped ──► Delivered
       │              │               │         │            │
       └──────────────┴──► Cancelled  └─────────┴────────────┴──► Refunded
                              │                                     ▲
                              └─────── (paid all the same) ─────────┘

Stock is taken when an order is made, and given back once: with the move that ends it (`Cancelled`, or `Refunded` before
it was shipped). `stock_held` says whether this order still holds it, and changes in the same transaction as the stock.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.money import Money, total_of

MOST_LINES = 100
MOST_OF_ONE = 10_000  # pieces of one product in one order


class Status(StrEnum):
    PENDING = "Pending"
    AWAITING_PAYMENT = "AwaitingPayment"
    PAID = "Paid"
    SHIPPED = "Shipped"
    DELIVERED = "Delivered"
    CANCELLED = "Cancelled"
    REFUNDED = "Refunded"


LEGAL: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.AWAITING_PAYMENT, Status.CANCELLED}),
    Status.AWAITING_PAYMENT: frozenset({Status.PAID, Status.CANCELLED}),
    Status.PAID: frozenset({Status.SHIPPED, Status.REFUNDED}),
    Status.SHIPPED: frozenset({Status.DELIVERED, Status.REFUNDED}),
    Status.DELIVERED: frozenset({Status.REFUNDED}),
    Status.CANCELLED: frozenset({Status.REFUNDED}),  # the money came all the same, and went back
    Status.REFUNDED: frozenset(),
}


class Line(BaseModel):
    """Name and price are as they were when it was ordered."""

    model_config = ConfigDict(frozen=True)

    product_id: UUID
    name: str
    price: Money
    quantity: int


class Step(BaseModel):
    """One move, as the order's history tells it. `by` is a caller's client, or `gateway`."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    status: Status
    by: str
    why: str | None = None


class Order(BaseModel):
    """
    `epoch` grows with every move: who writes on an older one loses, and learns it.

    `owed` is what still has to follow, each once: it is struck off when it is on record as a job of its own, and the
    sweep, by `sweep_at`, is the net under it. `payment` is the id of the payment job that counts.
    """

    model_config = ConfigDict(frozen=True)

    id: UUID  # a UUIDv7, the page cursor too
    client: str  # whose it is
    user: UUID | None = None  # who is told of it by mail; None: nobody
    lines: list[Line]
    total: Money
    status: Status = Status.PENDING
    epoch: int = 0
    stock_held: bool = True
    payment: UUID | None = None
    payments: int = 0  # how many were begun: the ids of their jobs derive from it
    history: list[Step] = Field(default_factory=list)
    owed: list[str] | None = None
    expires_at: datetime | None = None  # unpaid by then it is cancelled; None: it no longer can be
    sweep_at: datetime | None = None
    idempotency_key: str | None = None
    fingerprint: str | None = None
    created_at: datetime
    updated_at: datetime

    @property
    def ended(self) -> bool:
        return not LEGAL[self.status]


def total_of_lines(lines: list[Line]) -> Money:
    """Raises `ValueError` where the lines are not of one currency."""
    return total_of((line.price, line.quantity) for line in lines)
