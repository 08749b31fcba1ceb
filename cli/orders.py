"""Orders, as the settings want them: the ports of their routes, and who looks after them in a worker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from api.ports import OrderPorts
from cli.settings import Settings
from cli.stores import Stores
from domain.commerce.following import Following, follow_ups
from domain.commerce.unserved import NoNotices, NoPaymentDesk
from domain.commerce.upkeep import Upkeep
from domain.infra.background import in_background
from domain.infra.commerce.orders import MongoOrders
from domain.infra.queue import Queue
from worker.clock import FleetClock
from worker.orders import look_after_orders


def order_ports(settings: Settings, stores: Stores) -> OrderPorts:
    following = _following(stores)
    return OrderPorts(following.orders, following, timedelta(minutes=settings.order_minutes))


@asynccontextmanager
async def orders_looked_after(settings: Settings, stores: Stores, clock: FleetClock) -> AsyncIterator[None]:
    """During the block, by this worker in its turn."""
    following = _following(stores)
    queue = Queue(stores.redis, lease=timedelta(seconds=settings.lease_seconds))
    async with in_background(look_after_orders(Upkeep(following.orders, following), queue, clock)):
        yield


def _following(stores: Stores) -> Following:
    return Following(MongoOrders(stores.database), follow_ups(NoNotices(), NoPaymentDesk()))
