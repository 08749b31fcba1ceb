"""
The law of stock on a real MongoDB, where all that touches it happens at once and in two processes.

Buyers and their repeats, cancels, expiry, payments that come and fail, refunds, parcels, an owner who leaves, and an
admin who counts the shelf, in an order drawn by chance, on the same few orders. At each quiet point: what there was,
and what was put on the shelf by hand = what there is + what orders hold.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from uuid import UUID

import pytest

from domain import interventions
from domain.accounts.doers import Doer
from domain.commerce.advancing import advance_order
from domain.commerce.cancelling import cancel_order
from domain.commerce.catalogue import Catalogue
from domain.commerce.changing import change_order
from domain.commerce.desk import Desk
from domain.commerce.drafts import Draft
from domain.commerce.following import Following, follow_ups
from domain.commerce.moving import UNPAID, moved
from domain.commerce.orders import LEGAL, Order, Status, Step
from domain.commerce.paying import begin_payment
from domain.commerce.payment_ends import PaymentEnds
from domain.commerce.payments import GIVE_BACK
from domain.commerce.ports import OrderFilter
from domain.commerce.products import Product
from domain.commerce.upkeep import Upkeep
from domain.errors import Conflict, Unavailable
from domain.infra.commerce.orders import MongoOrders
from domain.infra.commerce.products import MongoProducts
from domain.infra.mongo import Database, open_mongo
from domain.jobs import Job
from domain.payments.money_state import Standing
from domain.transitions import settle, start
from tests.fakes_accounts import FakeAuditLog
from tests.fakes_commerce import a_product
from tests.fakes_orders import HALF_AN_HOUR, FakeNotices, FakePaymentJobs, a_draft
from tests.payments import DECLINED, ONCE, PAID, TAKEN, Books
from tests.strategies import NOON

BUYERS = ("user:ann", "user:bob")
STOCKS = (12, 30, 3)
ROUNDS = 20
STILL_HERE = UNPAID | {Status.PAID}
PATIENT = 50.0  # seconds: no test of who wins fails because a machine was slow


class CountedProducts(MongoProducts):
    """Writes down what was put on the shelf by hand, or taken from it."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.put: Counter[UUID] = Counter()

    async def change(self, before: Product, after: Product) -> bool:
        changed = await super().change(before, after)
        if changed:
            self.put[after.id] += after.stock - before.stock
        return changed


class Process:
    """An API and a worker with a MongoDB client of their own; the processor, and what it was asked, is everybody's."""

    def __init__(self, database: Database, payments: FakePaymentJobs, books: Books) -> None:
        self.orders, self.products = MongoOrders(database, patience_seconds=PATIENT), CountedProducts(database)
        self.catalogue = Catalogue(self.products, FakeAuditLog())
        desk = Desk(payments, books, lambda: NOON)
        self.following = Following(self.orders, follow_ups(FakeNotices(), desk))
        self.ends = PaymentEnds(self.following, desk, lambda: NOON)
        self.upkeep = Upkeep(self.orders, self.following)


@dataclass
class Day:
    """What may happen, each once or to an order that `chance` picks of the `hot` ones."""

    processes: tuple[Process, Process]
    payments: FakePaymentJobs
    books: Books
    shelf: list[Product]
    chance: random.Random = field(default_factory=random.Random)
    hot: list[Order] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)

    @property
    def somewhere(self) -> Process:
        return self.chance.choice(self.processes)

    async def buy(self) -> None:
        chosen = self.chance.sample(self.shelf, self.chance.choice((1, 2)))
        late = self.chance.random() < 0.2
        self.drafts.append(
            a_draft(
                *((product, self.chance.randint(1, 3)) for product in chosen),
                client=self.chance.choice(BUYERS),
                idempotency_key=f"k{len(self.drafts)}",
                expires_at=NOON - timedelta(minutes=1) if late else NOON + HALF_AN_HOUR,
            )
        )
        await self.repeat(self.drafts[-1])

    async def repeat(self, draft: Draft | None = None) -> None:
        """In both processes at once."""
        if draft is not None or self.drafts:
            again = draft or self.chance.choice(self.drafts)
            await asyncio.gather(*(process.orders.place(again) for process in self.processes))

    async def cancel(self) -> None:
        order, here = self.chance.choice(self.hot), self.somewhere
        after = await cancel_order(here.orders, order.id, order.client, _step(Status.CANCELLED, order.client))
        await here.following.soon(after, NOON)

    async def expire(self) -> None:
        await self.somewhere.upkeep.once(NOON)

    async def pay(self) -> None:
        order, here = self.chance.choice(self.hot), self.somewhere
        after = await begin_payment(here.orders, order.id, None, _step(Status.AWAITING_PAYMENT))
        await here.following.soon(after, NOON)

    async def end_payment(self) -> None:
        """The processor says what became of it, and both processes tell the order."""
        begun = [job for order in self.hot if (job := self.payments.stored.get(order.payment or order.id))]
        if begun:
            job = self._heard(self.chance.choice(begun))
            await asyncio.gather(*(process.ends.tell(job) for process in self.processes))

    async def end_refunds(self) -> None:
        here = self.somewhere
        for job in self.payments.of_kind(GIVE_BACK):
            self.books.give_back(job)
            await here.ends.refunded(self.books.stored[UUID(str((job.metadata or {})["payment_id"]))])

    async def refund(self) -> None:
        """Of a paid order, as the payments do it."""
        order = self.chance.choice(self.hot)
        await change_order(self.somewhere.orders, order.id, None, lambda it: moved(it, _step(Status.REFUNDED)))

    async def ship(self) -> None:
        order = self.chance.choice(self.hot)
        await advance_order(self.somewhere.orders, order.id, _step(Status.SHIPPED), None)

    async def count_the_shelf(self) -> None:
        product, stock = self.chance.choice(self.shelf), self.chance.randint(0, 15)
        await self.somewhere.catalogue.change(product.id, {"stock": stock, "name": f"Mug {stock}"}, Doer("root", NOON))

    async def leave(self) -> None:
        await self.somewhere.orders.forget(self.chance.choice(BUYERS), NOON)

    async def pass_by(self, *, somebody_leaves: bool) -> None:
        """Everything at once, the moves of orders on a few that may still give their stock back."""
        still_here = [order for order in await self.orders() if order.status in STILL_HERE]
        self.hot = self.chance.sample(still_here, min(len(still_here), 4))
        acts: list[Callable[[], Awaitable[None]]] = [*[self.buy, self.buy, self.repeat, self.count_the_shelf] * 2]
        if self.hot:
            acts += [*[self.pay, self.end_payment] * 3, self.cancel, self.refund, self.end_refunds, self.ship]
        acts += [self.expire, *[self.leave] * somebody_leaves]
        wishes = [_try(act) for act in acts]
        self.chance.shuffle(wishes)
        await asyncio.gather(*wishes)

    async def orders(self) -> Sequence[Order]:
        return await self.processes[0].orders.list(OrderFilter(None, limit=10_000))

    def _heard(self, job: Job) -> Job:
        """An ended one is told again as it ended: one that was called off stays so."""
        if job.ended:
            return job
        taken = settle(start(job, worker="w", key="k", now=NOON), TAKEN, ONCE, NOON)
        word = self.chance.choice((PAID, DECLINED))
        self.books.hear(job.id, Standing.PAID if word is PAID else Standing.CLOSED)
        return self._stored(interventions.hear(taken, word, ONCE, NOON, event=job.id))

    def _stored(self, job: Job) -> Job:
        self.payments.stored[job.id] = job
        return job


@pytest.fixture
async def day(commerce_database: Database, commerce_url: str) -> AsyncIterator[Day]:
    async with AsyncExitStack() as stack:
        payments, books = FakePaymentJobs(), Books()
        there = [await stack.enter_async_context(open_mongo(commerce_url)) for _ in range(2)]
        first, second = (Process(database, payments, books) for database in there)
        shelf = [await first.products.add(a_product(stock=stock)) for stock in STOCKS]
        yield Day((first, second), payments, books, shelf)


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_happens_at_once_no_piece_is_lost_and_none_is_made(
    day: Day, commerce_database: Database, seed: int
) -> None:
    """Slow: some hundred transactions, each durable. The seed draws what is tried; who wins is MongoDB's to say."""
    day.chance = random.Random(seed)
    seen: Counter[Status] = Counter()
    for number in range(ROUNDS):
        await day.pass_by(somebody_leaves=number == ROUNDS // 2)
        orders = await day.orders()
        await check_the_law(day, orders, commerce_database)
        seen.update(order.status for order in orders)
    assert seen.keys() >= {Status.CANCELLED, Status.AWAITING_PAYMENT}, "it hardly began"


async def check_the_law(day: Day, orders: Sequence[Order], database: Database) -> None:
    stocks = {row["_id"]: row["stock"] async for row in database.products.find({}, {"stock": 1})}
    held: Counter[UUID] = Counter()
    for order in orders:
        held.update({line.product_id: line.quantity for line in order.lines if order.stock_held})
        assert all(after in LEGAL[before] for before, after in pairwise(step.status for step in order.history)), order
    for product in day.shelf:
        put = sum(process.products.put[product.id] for process in day.processes)
        assert (product.stock + put, stocks[product.id] >= 0) == (stocks[product.id] + held[product.id], True)
    keys = Counter((order.client, order.idempotency_key) for order in orders if order.idempotency_key is not None)
    assert set(keys.values()) <= {1}


async def _try(act: Callable[[], Awaitable[None]]) -> None:
    with suppress(Conflict, Unavailable):  # a move that is not drawn, or others were first
        await act()


def _step(status: Status, by: str = "gateway") -> Step:
    return Step(at=NOON, status=status, by=by)
