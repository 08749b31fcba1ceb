"""What a worker does for orders: in its turn, by the fleet's clock, and however often a store is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.commerce.following import Following, follow_ups
from domain.commerce.orders import Order, Status
from domain.commerce.upkeep import Upkeep
from domain.infra.background import in_background
from domain.infra.ticks import Tick, seconds_since_boot
from tests.fakes_commerce import FakeProducts, a_product
from tests.fakes_orders import FakeNotices, FakeOrders, FakePaymentDesk, a_draft
from tests.stores import Stores
from worker.clock import FleetClock
from worker.upkeep import look_after

TURN = "orders"
AN_HOUR = timedelta(hours=1)


class WatchedOrders(FakeOrders):
    """Tells when somebody has looked what is due."""

    def __init__(self, products: FakeProducts) -> None:
        super().__init__(products)
        self.looks: asyncio.Queue[datetime] = asyncio.Queue()
        self.cancelled = asyncio.Event()

    async def due(self, now: datetime, limit: int) -> Any:
        self.looks.put_nowait(now)
        return await super().due(now, limit)

    async def change(self, before: Order, after: Order) -> bool:
        changed = await super().change(before, after)
        if after.status is Status.CANCELLED and after.owed is None:
            self.cancelled.set()
        return changed


class Shop:
    def __init__(self, stores: Stores) -> None:
        self.mug = a_product()
        self.products = FakeProducts(self.mug)
        self.orders, self.notices = WatchedOrders(self.products), FakeNotices()
        self.clock, self._queue = FleetClock(), stores.queue

    async def order(self, expires_at: datetime) -> Order:
        placed = await self.orders.place(a_draft((self.mug, 3), expires_at=expires_at))
        assert isinstance(placed, Order)
        return placed

    def hear(self, now: datetime) -> None:
        """What Redis says of its clock."""
        here = seconds_since_boot()
        self.clock.hear(Tick(round(now.timestamp() * 1e6), here, here))

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        following = Following(self.orders, follow_ups(self.notices, FakePaymentDesk()))
        upkeep = Upkeep(self.orders, following)
        async with in_background(look_after(upkeep, TURN, self._queue, self.clock, pause_seconds=0.01)):
            yield


@pytest.fixture
def shop(stores: Stores) -> Shop:
    return Shop(stores)


async def test_an_order_that_is_not_paid_in_time_is_cancelled_by_a_worker(shop: Shop) -> None:
    now = datetime.now(UTC)
    order, other = await shop.order(now - AN_HOUR), await shop.order(now + AN_HOUR)
    shop.hear(now)
    async with shop.worker():
        await shop.orders.cancelled.wait()
    assert [shop.orders.stored[each.id].status for each in (order, other)] == [Status.CANCELLED, Status.PENDING]
    assert (shop.products.stored[shop.mug.id].stock, shop.notices.templates) == (7, ["cancelled"])


async def test_the_time_that_counts_is_the_fleets(shop: Shop) -> None:
    """This machine's clock says that it is late, and Redis' that it is not."""
    await shop.order(datetime.now(UTC) - AN_HOUR)
    shop.hear(datetime.now(UTC) - 2 * AN_HOUR)
    async with shop.worker():
        looked = await shop.orders.looks.get()
    assert looked < datetime.now(UTC) - AN_HOUR
    assert not shop.orders.cancelled.is_set()


async def test_a_store_that_is_away_is_asked_again(shop: Shop, stores: Stores) -> None:
    await shop.order(datetime.now(UTC) - AN_HOUR)
    shop.hear(datetime.now(UTC))
    shop.orders.down = True
    async with shop.worker():
        await shop.orders.looks.get()
        shop.orders.down = False
        await stores.redis.delete(f"gateway:turn:{TURN}")  # the next turn comes at once
        await shop.orders.cancelled.wait()


async def test_workers_take_turns(shop: Shop, stores: Stores) -> None:
    await stores.queue.take_turn(TURN, AN_HOUR)
    await shop.order(datetime.now(UTC) - AN_HOUR)
    shop.hear(datetime.now(UTC))
    async with shop.worker():
        for _ in range(20):
            await stores.redis.ping()  # while the worker asks for its turn, in vain
        assert shop.orders.looks.empty()
        await stores.redis.delete(f"gateway:turn:{TURN}")
        await shop.orders.cancelled.wait()
