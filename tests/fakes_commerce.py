"""
One fake per port of `domain.commerce.ports`: in memory, at once, with the port's own promises.

Each has `down`: set, it raises `Unavailable`.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from api.ports import CommercePorts
from domain.commerce.ports import ProductFilter, StoredFile
from domain.commerce.products import MOST_IMAGES, Image, Product, image_of
from domain.commerce.words import words_of
from domain.money import Money
from domain.request_ids import new_request_id
from tests.outages import MayBeDown
from tests.strategies import NOON


class FakeProducts(MayBeDown):
    """A `Products` over one dictionary."""

    def __init__(self, *products: Product) -> None:
        super().__init__()
        self.stored = {product.id: product for product in products}

    async def add(self, product: Product) -> Product:
        self._answer()
        if product.made_by is not None and product.idempotency_key is not None:
            earlier = await self.find_made(product.made_by, product.idempotency_key)
            if earlier is not None:
                return earlier
        return self.stored.setdefault(product.id, product)

    async def find_made(self, made_by: str, idempotency_key: str) -> Product | None:
        self._answer()
        made = (made_by, idempotency_key)
        return next((one for one in self.stored.values() if (one.made_by, one.idempotency_key) == made), None)

    async def find(self, product_id: UUID) -> Product | None:
        return (await self.find_many([product_id])).get(product_id)

    async def find_many(self, ids: Sequence[UUID]) -> Mapping[UUID, Product]:
        self._answer()
        return {one.id: one for one in self.stored.values() if one.id in ids and one.deleted_at is None}

    async def list(self, which: ProductFilter) -> Sequence[Product]:
        self._answer()
        newest_first = sorted(self.stored.values(), key=lambda product: product.id, reverse=True)
        return [product for product in newest_first if _is_wanted(product, which)][: which.limit]

    async def change(self, before: Product, after: Product) -> bool:
        self._answer()
        if (after.id, after.version) != (before.id, before.version + 1):
            raise ValueError("a change is of one product, and to the next version")
        stored = self.stored.get(before.id)
        sets_stock = after.stock != before.stock
        if stored is None or stored.version != before.version or (sets_stock and stored.stock != before.stock):
            return False
        stock = after.stock if sets_stock else stored.stock
        self.stored[after.id] = after.model_copy(update={"stock": stock})
        return True

    async def delete(self, product_id: UUID, now: datetime) -> bool:
        self._answer()
        product = self.stored.get(product_id)
        if product is not None and product.deleted_at is None:
            self._alter(product, now, deleted_at=now)
        return product is not None

    async def add_image(self, product_id: UUID, image: Image, now: datetime) -> bool:
        product = await self.find(product_id)
        if product is None:
            return False
        if any(known.id == image.id for known in product.images):
            return True
        if len(product.images) >= MOST_IMAGES:
            return False
        self._alter(product, now, images=[*product.images, image])
        return True

    async def remove_image(self, product_id: UUID, image_id: UUID, now: datetime) -> bool:
        product = await self.find(product_id)
        if product is None or image_of(product, image_id) is None:
            return False
        self._alter(product, now, images=[image for image in product.images if image.id != image_id])
        return True

    def sell(self, product_id: UUID, pieces: int = 1) -> None:
        """As an order does it: beside the version."""
        product = self.stored[product_id]
        self.stored[product_id] = product.model_copy(update={"stock": product.stock - pieces})

    def _alter(self, product: Product, now: datetime, **fields: Any) -> None:
        fields |= {"version": product.version + 1, "updated_at": now}
        self.stored[product.id] = product.model_copy(update=fields)


class FakeFileStore(MayBeDown):
    """A `FileStore` over one dictionary; `put_at` says when each was put."""

    def __init__(self) -> None:
        super().__init__()
        self.stored: dict[str, bytes] = {}
        self.put_at: dict[str, datetime] = {}

    async def put(self, name: str, content: bytes) -> None:
        self._answer()
        self.stored[name], self.put_at[name] = content, datetime.now(UTC)

    async def find(self, name: str) -> StoredFile | None:
        self._answer()
        return StoredFile(len(self.stored[name]), self._pieces(name)) if name in self.stored else None

    async def remove(self, name: str) -> None:
        self._answer()
        self.stored.pop(name, None)

    async def remove_older(self, ending: str, than: datetime) -> int:
        self._answer()
        old = [name for name in self.stored if name.endswith(ending) and self.put_at[name] < than]
        for name in old:
            del self.stored[name]
        return len(old)

    async def _pieces(self, name: str) -> AsyncIterator[bytes]:
        yield self.stored[name]


def fake_commerce(**parts: Any) -> CommercePorts:
    """Fakes of all that the routes of the shop need, but for `parts`."""
    fakes: dict[str, Any] = {"products": FakeProducts(), "files": FakeFileStore()}
    return CommercePorts(**{**fakes, **parts})


def a_product(**fields: Any) -> Product:
    """A red mug at 19.99 USD, of which there are ten, with whatever the test cares about."""
    usual = {
        "id": new_request_id(),
        "name": "Red mug",
        "price": Money(amount=1999, currency="USD"),
        "stock": 10,
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Product(**{**usual, **fields})


def an_image(**fields: Any) -> Image:
    usual = {
        "id": new_request_id(),
        "large": "/media/aa.webp",
        "small": "/media/bb.webp",
        "width": 1200,
        "height": 800,
    }
    return Image(**{**usual, **fields})


def _is_wanted(product: Product, which: ProductFilter) -> bool:
    return (
        product.deleted_at is None
        and (which.before is None or product.id < which.before)
        and which.category in (None, product.category)
        and (which.words is None or words_of(which.words) <= _words(product))
    )


def _words(product: Product) -> frozenset[str]:
    return words_of(product.name, product.description, product.category or "")
