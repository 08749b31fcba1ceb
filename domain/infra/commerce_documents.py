"""
The collections of the shop: Beanie models that name what the queries stand on, and the indexes for it.

The rest of each document is what the words of `domain.commerce` hold, Nones left out.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from beanie import Document
from pymongo import ASCENDING, DESCENDING, IndexModel

PRODUCTS = "products"
ORDERS = "orders"
SHORT_LINKS = "short_links"
REQUEST_KEYS = "request_keys"


class ProductDocument(Document):
    """
    A `Product`, with the words that it is found by.

    MongoDB's own text index takes any of several words for enough and reads every product that has one before it sorts
    them; this one is read from the newest on, and no further than the page goes.
    """

    id: UUID  # type: ignore[assignment]  # Beanie's default is an ObjectId
    name: str
    description: str = ""
    category: str | None = None
    words: list[str]
    stock: int
    version: int
    made_by: str | None = None
    idempotency_key: str | None = None

    class Settings:
        name = PRODUCTS
        keep_nulls = False
        indexes: ClassVar = [
            IndexModel([("words", ASCENDING), ("_id", DESCENDING)], name="by_words"),
            IndexModel([("category", ASCENDING), ("_id", DESCENDING)], name="by_category"),
            IndexModel(
                [("made_by", ASCENDING), ("idempotency_key", ASCENDING)],
                name="once_per_key",
                unique=True,
                partialFilterExpression={"idempotency_key": {"$exists": True}},
            ),
        ]


class OrderDocument(Document):
    """An `Order`, with the ids of all payment jobs that were begun for it."""

    id: UUID  # type: ignore[assignment]
    client: str
    status: str
    epoch: int
    idempotency_key: str | None = None
    payment_ids: list[UUID] | None = None
    sweep_at: datetime | None = None

    class Settings:
        name = ORDERS
        keep_nulls = False
        indexes: ClassVar = [
            IndexModel([("client", ASCENDING), ("_id", DESCENDING)], name="by_client"),
            IndexModel([("client", ASCENDING), ("status", ASCENDING), ("_id", DESCENDING)], name="by_client_status"),
            IndexModel([("status", ASCENDING), ("_id", DESCENDING)], name="by_status"),
            IndexModel(
                [("client", ASCENDING), ("idempotency_key", ASCENDING)],
                name="once_per_key",
                unique=True,
                partialFilterExpression={"idempotency_key": {"$exists": True}},
            ),
            IndexModel(
                [("payment_ids", ASCENDING)],
                name="once_per_payment",
                unique=True,
                partialFilterExpression={"payment_ids": {"$exists": True}},
            ),
            IndexModel(
                [("sweep_at", ASCENDING)],
                name="to_sweep",
                partialFilterExpression={"sweep_at": {"$exists": True}},
            ),
        ]


class ShortLinkDocument(Document):
    """A `ShortLink` under its code, and how often it was followed."""

    id: str  # type: ignore[assignment]
    url: str
    expires_at: datetime
    key: str | None = None
    followed: int = 0

    class Settings:
        name = SHORT_LINKS
        keep_nulls = False
        indexes: ClassVar = [
            IndexModel(
                [("key", ASCENDING)],
                name="once_per_key",
                unique=True,
                partialFilterExpression={"key": {"$exists": True}},
            ),
            IndexModel([("expires_at", ASCENDING)], name="expiry", expireAfterSeconds=0),
        ]


class RequestKeyDocument(Document):
    """An `Idempotency-Key` of a route whose work goes by a name of its own, under a digest of its client and itself."""

    id: str  # type: ignore[assignment]
    fingerprint: str
    expires_at: datetime

    class Settings:
        name = REQUEST_KEYS
        indexes: ClassVar = [IndexModel([("expires_at", ASCENDING)], name="expiry", expireAfterSeconds=0)]


COMMERCE_DOCUMENTS = (ProductDocument, OrderDocument, ShortLinkDocument, RequestKeyDocument)
