"""What the shop's routes and workers need of the outside. The real ones are in `domain.infra.commerce`."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from domain.commerce.drafts import Draft
from domain.commerce.orders import Order, Status
from domain.commerce.products import Image, Product
from domain.commerce.short_links import LIFETIME
from domain.jobs import Job


@dataclass(frozen=True, slots=True)
class ProductFilter:
    """Which to list: the newest first, at most `limit`, older than `before`. Deleted ones never."""

    limit: int = 20
    before: UUID | None = None
    words: str | None = None  # all of them, in name, description or category; plain text, and no query language
    category: str | None = None


class Products(Protocol):
    """All methods raise `Unavailable`."""

    async def add(self, product: Product) -> Product:
        """
        The product as stored; an earlier one of this maker and key, where there is one, deleted or not.

        The caller compares fingerprints. Done twice it is there once.
        """
        ...

    async def find_made(self, made_by: str, idempotency_key: str) -> Product | None:
        """The one that was made under this key, deleted or not."""
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

    async def delete(self, product_id: UUID, now: datetime) -> bool:
        """Nobody finds it from then on. False where there never was one; done twice it changes nothing more."""
        ...

    async def add_image(self, product_id: UUID, image: Image, now: datetime) -> bool:
        """False where the product is gone, or has too many. Adding one twice adds it once."""
        ...

    async def remove_image(self, product_id: UUID, image_id: UUID, now: datetime) -> bool:
        """False where the product is gone, or has no such image."""
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

    async def place(self, draft: Draft) -> Order | Sequence[Short]:
        """
        Take the stock of all lines and store the order, in one transaction, or do neither.

        Names and prices are read in that transaction. Answers the order as stored: an earlier one of this client and
        key, where there is one (the caller compares fingerprints). Products are taken in the order of their ids, so
        that two orders never wait for each other. Raises `Invalid` as `Draft.drawn_up` does.
        """
        ...

    async def find(self, order_id: UUID, owner: str | None) -> Order | None: ...

    async def find_by_payment(self, payment: UUID) -> Order | None:
        """The order that this payment job was begun for, also where another counts by now."""
        ...

    async def list(self, which: OrderFilter) -> Sequence[Order]: ...

    async def change(self, before: Order, after: Order) -> bool:
        """
        Write `after`, of the next epoch, where the order is still at `before`'s; False where somebody else was first.

        Where `after` holds its stock no longer, it is given back in the same transaction.
        """
        ...

    async def due(self, now: datetime, limit: int) -> Sequence[Order]:
        """Whose `sweep_at` has come, the longest overdue first; one that cannot be read is left out, and logged."""
        ...

    async def forget(self, client: str, now: datetime) -> int:
        """
        Their owner leaves: remove whom to tell, the idempotency key, and what the owner wrote into the history.

        What was sold stays, for the books. Nobody is left to pay what is unpaid: its time is up. Answers how many
        orders this call changed; done twice it changes nothing more.
        """
        ...


class Notices(Protocol):
    async def tell(self, order: Order, template: str, key: str) -> None:
        """
        Put a mail to `order.user` on record, once for each `key`; to nobody, where they have left meanwhile.

        `template` is what happened: paid, cancelled or shipped. Raises `Unavailable`.
        """
        ...


class RequestKeys(Protocol):
    async def claim(self, client: str, key: str, fingerprint: str, now: datetime) -> str:
        """
        The fingerprint that came first under this client's key, which is remembered for a day.

        The caller compares. Raises `Unavailable`.
        """
        ...


class PaymentDesk(Protocol):
    async def begin(self, order: Order) -> None:
        """Put the job of `order.payment` on record, once, for an order that awaits it. Raises `Unavailable`."""
        ...

    async def withdraw(self, order: Order) -> None:
        """
        Its order was cancelled while `order.payment` was under way: stop what can be, and see to it that what is paid
        all the same goes back. Returns when that is on record; safe to repeat. Raises `Unavailable`.
        """
        ...

    async def give_back(self, payment_id: UUID) -> None:
        """All that was paid, once: its order is no longer wanted. Raises `Unavailable`, also until it is booked."""
        ...


class ShortLinks(Protocol):
    """Codes that lead to a processor's page. All methods raise `Unavailable`."""

    async def make(self, url: str, now: datetime, *, key: str | None = None, lifetime: timedelta = LIFETIME) -> str:
        """
        The code that leads to `url` from now on: for the same `key` the same one, which then leads to the newest `url`.

        Raises `Invalid` for a page that links may not lead to, and stores nothing then.
        """
        ...

    async def find(self, code: str, now: datetime) -> str | None:
        """Where it leads to; None for one that nobody made, that is over, or that may not lead there any more."""
        ...

    async def count(self, code: str) -> None:
        """It was followed."""
        ...


class PaymentJobs(Protocol):
    """The jobs of payments. All methods raise `Unavailable`."""

    async def put(self, job: Job) -> None:
        """Store it durably, once for its id, and queue it; one that is there stays as it is."""
        ...

    async def find(self, request_id: UUID) -> Job | None: ...

    async def call_off(self, job: Job, now: datetime) -> bool:
        """Cancel it where it is still as `job`; False where somebody else was first."""
        ...

    async def ask_again(self, job: Job, now: datetime) -> bool:
        """Run an ended one once more, under the same key where it may have acted; False as above."""
        ...


@dataclass(frozen=True, slots=True)
class StoredFile:
    """`pieces` are read as they are asked for, once."""

    size: int
    pieces: AsyncIterator[bytes]


class FileStore(Protocol):
    """Files by name: 64 hexadecimal digits, and an ending that says what they are. All methods raise `Unavailable`."""

    async def put(self, name: str, content: bytes) -> None:
        """Durably, and whole or not at all. Done twice it is there once, and counts as new."""
        ...

    async def find(self, name: str) -> StoredFile | None: ...

    async def remove(self, name: str) -> None:
        """It need not be there."""
        ...

    async def remove_older(self, ending: str, than: datetime) -> int:
        """Remove what ends so and was put before `than`; answers how many there were."""
        ...
