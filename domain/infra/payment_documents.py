"""
The collections of payments: Beanie models that name what the queries stand on, and the indexes for it.

The rest of each document is what the words of `domain.payments` hold, Nones left out.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from beanie import Document
from pymongo import ASCENDING, DESCENDING, IndexModel

PAYMENTS = "payments"
TRANSACTIONS = "transactions"


class PaymentDocument(Document):
    """A `Payment`, with every id by which the processor ever called it, its charge or its refunds."""

    id: UUID  # type: ignore[assignment]  # Beanie's default is an ObjectId
    client: str
    epoch: int
    order: UUID | None = None
    idempotency_key: str | None = None
    references: list[str] | None = None
    sweep_at: datetime | None = None

    class Settings:
        name = PAYMENTS
        keep_nulls = False
        indexes: ClassVar = [
            IndexModel([("client", ASCENDING), ("_id", DESCENDING)], name="by_client"),
            IndexModel(
                [("client", ASCENDING), ("idempotency_key", ASCENDING)],
                name="once_per_key",
                unique=True,
                partialFilterExpression={"idempotency_key": {"$exists": True}},
            ),
            IndexModel(
                [("references", ASCENDING)],
                name="once_per_reference",
                unique=True,
                partialFilterExpression={"references": {"$exists": True}},
            ),
            IndexModel([("order", ASCENDING)], name="by_order", partialFilterExpression={"order": {"$exists": True}}),
            IndexModel([("status", ASCENDING), ("_id", ASCENDING)], name="by_status"),
            IndexModel(
                [("_id", ASCENDING), ("refunding", ASCENDING)],
                name="refunding",
                partialFilterExpression={"refunding": {"$gt": 0}},
            ),
            IndexModel(
                [("sweep_at", ASCENDING)],
                name="to_sweep",
                partialFilterExpression={"sweep_at": {"$exists": True}},
            ),
        ]


class TransactionDocument(Document):
    """A `Transaction`. Nothing changes or removes one."""

    id: UUID  # type: ignore[assignment]
    payment: UUID
    client: str

    class Settings:
        name = TRANSACTIONS
        indexes: ClassVar = [
            IndexModel([("client", ASCENDING), ("_id", DESCENDING)], name="by_client"),
            IndexModel([("payment", ASCENDING), ("_id", DESCENDING)], name="by_payment"),
        ]


PAYMENT_DOCUMENTS = (PaymentDocument, TransactionDocument)
