"""Orders, as the settings want them: the ports of their routes, who looks after them in a worker, and who is told."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from api.ports import OrderPorts
from cli.notices import mailed_notices, short_links
from cli.payments import takes_payments
from cli.settings import Settings
from cli.stores import Stores
from domain.accounts.ports import Post
from domain.commerce.desk import Desk
from domain.commerce.following import Following, follow_ups
from domain.commerce.payment_ends import PaymentEnds
from domain.commerce.upkeep import Upkeep
from domain.infra.background import in_background
from domain.infra.commerce.orders import MongoOrders
from domain.infra.commerce.payment_jobs import MongoPaymentJobs
from domain.infra.follow_ups import Tell
from domain.infra.intake import open_intake
from domain.infra.post import JobPost
from domain.infra.queue import Queue
from domain.interventions import ORDER
from worker.clock import FleetClock
from worker.orders import look_after_orders

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class OrdersHere:
    """What a worker does for orders: looks after them, and tells them what became of the jobs that are about them."""

    following: Following
    tellers: Mapping[str, Tell]
    queue: Queue


def order_ports(settings: Settings, stores: Stores, post: Post, queue: Queue) -> OrderPorts:
    payments = MongoPaymentJobs(stores.database, queue, settings.retention)
    following = _following(stores, post, payments, lambda: datetime.now(UTC))
    return OrderPorts(
        following.orders,
        following,
        timedelta(minutes=settings.order_minutes),
        short_links=short_links(settings, stores),
        public_base=settings.public_base,
        takes_payments=takes_payments(settings),
    )


@asynccontextmanager
async def open_orders(settings: Settings, stores: Stores, clock: Clock) -> AsyncIterator[OrdersHere]:
    queue = Queue(stores.redis, lease=timedelta(seconds=settings.lease_seconds))
    payments = MongoPaymentJobs(stores.database, queue, settings.retention)
    async with open_intake(stores.database, queue) as intake:
        following = _following(stores, JobPost(intake, clock), payments, clock)
        yield OrdersHere(following, {ORDER: PaymentEnds(following, payments, clock).tell}, queue)


@asynccontextmanager
async def orders_looked_after(here: OrdersHere, clock: FleetClock) -> AsyncIterator[None]:
    """During the block, by this worker in its turn."""
    upkeep = Upkeep(here.following.orders, here.following)
    async with in_background(look_after_orders(upkeep, here.queue, clock)):
        yield


def _following(stores: Stores, post: Post, payments: MongoPaymentJobs, clock: Clock) -> Following:
    return Following(MongoOrders(stores.database), follow_ups(mailed_notices(stores, post), Desk(payments, clock)))
