"""What orders need of the outside, faked: in memory, with the ports' own promises; and the words to test them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from api.ports import OrderPorts
from domain import interventions
from domain.commerce.drafts import Draft, Item
from domain.commerce.following import Following, follow_ups
from domain.commerce.moving import UNPAID
from domain.commerce.orders import Order
from domain.commerce.payments import kind_of
from domain.commerce.placing import shortage
from domain.commerce.ports import OrderFilter, Short
from domain.commerce.products import Product
from domain.jobs import Job
from domain.request_ids import new_request_id
from domain.transitions import Rules
from domain.vendors import VendorPolicy
from tests.fakes_commerce import FakeProducts, a_product
from tests.outages import MayBeDown
from tests.strategies import NOON

HALF_AN_HOUR = timedelta(minutes=30)


class FakeOrders(MayBeDown):
    """An `Orders` over one dictionary, whose stock is that of a `FakeProducts`."""

    def __init__(self, products: FakeProducts, *orders: Order) -> None:
        super().__init__()
        self.stored = {order.id: order for order in orders}
        self._products = products
        self._payments: dict[UUID, UUID] = {}

    async def place(self, draft: Draft) -> Order | Sequence[Short]:
        self._answer()
        earlier = next((order for order in self.stored.values() if _is_of(order, draft)), None)
        if earlier is not None:
            return earlier
        short = shortage(draft, self._products.stored)
        if short:
            return short
        order = draft.drawn_up(self._products.stored)
        for line in order.lines:
            self._products.sell(line.product_id, line.quantity)
        self.stored[order.id] = order
        return order

    async def find(self, order_id: UUID, owner: str | None) -> Order | None:
        self._answer()
        order = self.stored.get(order_id)
        return order if order is not None and owner in (None, order.client) else None

    async def find_by_payment(self, payment: UUID) -> Order | None:
        self._answer()
        return self.stored.get(self._payments.get(payment, payment))

    async def list(self, which: OrderFilter) -> Sequence[Order]:
        self._answer()
        newest_first = sorted(self.stored.values(), key=lambda order: order.id, reverse=True)
        return [order for order in newest_first if _is_wanted(order, which)][: which.limit]

    async def change(self, before: Order, after: Order) -> bool:
        self._answer()
        if (after.id, after.epoch) != (before.id, before.epoch + 1) or after.stock_held > before.stock_held:
            raise ValueError("a change is of one order, to the next epoch, and takes no stock")
        stored = self.stored.get(before.id)
        if stored is None or stored.epoch != before.epoch:
            return False
        if before.stock_held and not after.stock_held:
            for line in before.lines:
                self._products.sell(line.product_id, -line.quantity)
        if after.payment is not None:
            self._payments[after.payment] = after.id
        self.stored[after.id] = after
        return True

    async def due(self, now: datetime, limit: int) -> Sequence[Order]:
        self._answer()
        waiting = [(order.sweep_at, order) for order in self.stored.values() if order.sweep_at is not None]
        return [order for at, order in sorted(waiting, key=lambda pair: pair[0]) if at <= now][:limit]

    async def forget(self, client: str, now: datetime) -> int:
        self._answer()
        held = [order for order in self.stored.values() if order.client == client and _holds_of_owner(order)]
        self.stored |= {order.id: _forgotten(order, now) for order in held}
        return len(held)


class FakeNotices(MayBeDown):
    """A `Notices` that keeps what was told, once for each key; `asked` counts how often."""

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[str, tuple[UUID, str]] = {}
        self.asked = 0

    async def tell(self, order: Order, template: str, key: str) -> None:
        self._answer()
        self.asked += 1
        self.told.setdefault(key, (order.id, template))

    @property
    def templates(self) -> list[str]:
        return [template for _, template in self.told.values()]


class FakePaymentDesk(MayBeDown):
    """A `PaymentDesk` that remembers the payments that were begun, and those that were withdrawn, by their order."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: dict[UUID, UUID | None] = {}
        self.withdrawn: dict[UUID, UUID | None] = {}
        self.given_back: set[UUID] = set()

    async def begin(self, order: Order) -> None:
        self._answer()
        self.begun[order.id] = order.payment

    async def withdraw(self, order: Order) -> None:
        self._answer()
        self.withdrawn[order.id] = order.payment

    async def give_back(self, payment_id: UUID) -> None:
        self._answer()
        self.given_back.add(payment_id)


class FakePaymentJobs(MayBeDown):
    """A `PaymentJobs` over one dictionary; `rival` stands for somebody who is first."""

    def __init__(self) -> None:
        super().__init__()
        self.stored: dict[UUID, Job] = {}
        self.rival = False

    async def put(self, job: Job) -> None:
        self._answer()
        self.stored.setdefault(job.id, job)

    async def find(self, request_id: UUID) -> Job | None:
        self._answer()
        return self.stored.get(request_id)

    async def call_off(self, job: Job, now: datetime) -> bool:
        return self._write(job, interventions.cancel(job, Rules(VendorPolicy()), now))

    async def ask_again(self, job: Job, now: datetime) -> bool:
        return self._write(job, interventions.retry(job, now))

    def of_kind(self, kind: str) -> list[Job]:
        return [job for job in self.stored.values() if kind_of(job) == kind]

    def _write(self, before: Job, after: Job) -> bool:
        self._answer()
        if self.rival or self.stored[before.id].epoch != before.epoch:
            return False
        self.stored[after.id] = after
        return True


def fake_orders(products: FakeProducts | None = None, **parts: Any) -> OrderPorts:
    """Fakes of all that the routes of orders need, but for `parts`."""
    orders = parts.pop("orders", None) or FakeOrders(products or FakeProducts())
    table = follow_ups(parts.pop("notices", None) or FakeNotices(), parts.pop("desk", None) or FakePaymentDesk())
    return OrderPorts(orders, Following(orders, table), **parts)


def a_draft(*lines: tuple[Product, int], **fields: Any) -> Draft:
    """One of the client `user:ann`, who has an account, with whatever the test cares about."""
    usual = {
        "id": new_request_id(),
        "client": "user:ann",
        "user": UUID(int=1),
        "items": [Item(product.id, quantity) for product, quantity in lines],
        "at": NOON,
        "expires_at": NOON + HALF_AN_HOUR,
    }
    return Draft(**{**usual, **fields})


def an_order(*lines: tuple[Product, int], **fields: Any) -> Order:
    """A pending one, that nobody's stock has paid for; `fields` are the order's own."""
    order = a_draft(*lines).drawn_up({product.id: product for product, _ in lines})
    return order.model_copy(update=fields)


def _is_of(order: Order, draft: Draft) -> bool:
    keyed = draft.idempotency_key is not None
    key = (draft.client, draft.idempotency_key)
    return order.id == draft.id or (keyed and (order.client, order.idempotency_key) == key)


def _holds_of_owner(order: Order) -> bool:
    words = [step.why for step in order.history if step.by == order.client]
    return any(each is not None for each in (order.user, order.idempotency_key, *words))


def _forgotten(order: Order, now: datetime) -> Order:
    """As the real one leaves it."""
    bare = [step.model_copy(update={"why": None}) if step.by == order.client else step for step in order.history]
    gone = {"user": None, "idempotency_key": None, "fingerprint": None, "history": bare, "epoch": order.epoch + 1}
    times = {"expires_at": now, "sweep_at": now} if order.status in UNPAID else {}
    return order.model_copy(update={**gone, **times})


def _is_wanted(order: Order, which: OrderFilter) -> bool:
    return (
        which.owner in (None, order.client)
        and which.status in (None, order.status)
        and (which.before is None or order.id < which.before)
    )


class Shelf:
    """Ten mugs, three of which Ann orders."""

    def __init__(self) -> None:
        self.mug = a_product()
        self.products = FakeProducts(self.mug)
        self.orders, self.notices = FakeOrders(self.products), FakeNotices()

    @property
    def stock(self) -> int:
        return self.products.stored[self.mug.id].stock

    async def order(self) -> Order:
        placed = await self.orders.place(a_draft((self.mug, 3)))
        assert isinstance(placed, Order)
        return placed
