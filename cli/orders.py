"""Orders, as the settings want them: the ports of their routes, and who looks after them in a worker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from api.ports import OrderPorts
from cli.notices import mailed_notices
from cli.settings import Settings
from cli.stores import Stores
from domain.accounts.ports import Post
from domain.commerce.following import Following, follow_ups
from domain.commerce.unserved import NoPaymentDesk
from domain.commerce.upkeep import Upkeep
from domain.infra.background import in_background
from domain.infra.commerce.orders import MongoOrders
from domain.infra.intake import open_intake
from domain.infra.post import JobPost
from domain.infra.queue import Queue
from worker.clock import FleetClock
from worker.orders import look_after_orders


def order_ports(settings: Settings, stores: Stores, post: Post) -> OrderPorts:
    following = _following(stores, post)
    return OrderPorts(following.orders, following, timedelta(minutes=settings.order_minutes))


@asynccontextmanager
async def orders_looked_after(settings: Settings, stores: Stores, clock: FleetClock) -> AsyncIterator[None]:
    """During the block, by this worker in its turn."""
    queue = Queue(stores.redis, lease=timedelta(seconds=settings.lease_seconds))
    async with open_intake(stores.database, queue) as intake:
        following = _following(stores, JobPost(intake, clock.now))
        async with in_background(look_after_orders(Upkeep(following.orders, following), queue, clock)):
            yield


def _following(stores: Stores, post: Post) -> Following:
    return Following(MongoOrders(stores.database), follow_ups(mailed_notices(stores, post), NoPaymentDesk()))
