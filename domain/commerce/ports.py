"""What the shop's routes and workers need of the outside. The real ones are in `domain.infra.commerce`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.commerce.orders import Order, Status
from domain.commerce.products import Image, Product


@dataclass(frozen=True, slots=True)
class ProductFilter:
    """Which to list: the newest first, at most `limit`, older than `before`. Deleted ones never."""

    limit: int = 20
    before: UUID | None = None
    words: str | None = None  # all of them, in name, description or category; plain text, and no query language
    category: str | None = None


class Products(Protocol):
    """All methods raise `Unavailable`."""

    async def add(self, product: Product) -> None:
        """Done twice it is there once."""
        ...

    async def find(self, product_id: UUID) -> Product | None:
        """None for a deleted one too."""
        ...

    async def find_many(self, ids: Sequence[UUID]) -> Mapping[UUID, Product]:
        """Those that there are."""
        ...

    async def list(self, which: ProductFilter) -> Sequence[Product]: ...

    async def change(self, before: Product, after: Product) -> bool:
        """
        Write `after` where the product is still as `before`; False where somebody else was first.

        Its stock is written only where `after` differs in it, and then only where it is still `before`'s.
        """
        ...

    async def add_image(self, product_id: UUID, image: Image, now: datetime) -> bool:
        """False where the product is gone, or has too many. Adding one twice adds it once."""
        ...


@dataclass(frozen=True, slots=True)
class Short:
    """A product of which there is not enough, or which is gone (`stock` 0)."""

    product_id: UUID
    wanted: int
    stock: int


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """The newest first, at most `limit`, older than `before`; `owner` None: everybody's."""

    owner: str | None
    limit: int = 20
    before: UUID | None = None
    status: Status | None = None


class Orders(Protocol):
    """All methods raise `Unavailable`."""

    async def place(self, order: Order) -> Order | Sequence[Short]:
        """
        Take the stock of all lines and store the order, in one transaction, or do neither.

        Answers the order as stored: an earlier one of this client and key, where there is one (the caller compares
        fingerprints). Products are taken in the order of their ids, so that two orders never wait for each other.
        """
        ...

    async def find(self, order_id: UUID, owner: str | None) -> Order | None: ...

    async def find_by_payment(self, payment: UUID) -> Order | None:
        """The order that this payment job was begun for, also where another counts by now."""
        ...

    async def list(self, which: OrderFilter) -> Sequence[Order]: ...

    async def change(self, before: Order, after: Order) -> bool:
        """
        Write `after` where the order is still at `before.epoch`; False where somebody else was first.

        Where `after` holds its stock no longer, it is given back in the same transaction.
        """
        ...

    async def due(self, now: datetime, limit: int) -> Sequence[Order]:
        """Whose `sweep_at` has come, the longest overdue first."""
        ...
