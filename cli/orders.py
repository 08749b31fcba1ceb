"""Orders, as the settings want them: the ports of their routes, who looks after them in a worker, and who is told."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from api.ports import OrderPorts
from cli.notices import mailed_notices, short_links
from cli.settings import Settings
from cli.stores import Stores
from cli.stripe_variables import takes_payments
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
from domain.infra.payments.payments import MongoPaymentStore
from domain.infra.post import JobPost
from domain.infra.queue import Queue
from domain.interventions import ORDER
from worker.clock import FleetClock
from worker.upkeep import look_after

TURN = "orders"

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class OrdersHere:
    """What a worker does for orders: looks after them, and tells them what became of the jobs that are about them."""

    following: Following
    ends: PaymentEnds
    jobs: MongoPaymentJobs
    queue: Queue

    @property
    def tellers(self) -> Mapping[str, Tell]:
        return {ORDER: self.ends.tell}


def order_ports(settings: Settings, stores: Stores, post: Post, queue: Queue) -> OrderPorts:
    jobs = MongoPaymentJobs(stores.database, queue, settings.retention)
    desk = _desk(stores, jobs, lambda: datetime.now(UTC))
    following = _following(stores, post, desk)
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
    jobs = MongoPaymentJobs(stores.database, queue, settings.retention)
    desk = _desk(stores, jobs, clock)
    async with open_intake(stores.database, queue) as intake:
        following = _following(stores, JobPost(intake, clock), desk)
        yield OrdersHere(following, PaymentEnds(following, desk, clock), jobs, queue)


@asynccontextmanager
async def orders_looked_after(here: OrdersHere, clock: FleetClock) -> AsyncIterator[None]:
    """During the block, by this worker in its turn."""
    upkeep = Upkeep(here.following.orders, here.following)
    async with in_background(look_after(upkeep, TURN, here.queue, clock)):
        yield


def _desk(stores: Stores, jobs: MongoPaymentJobs, clock: Clock) -> Desk:
    return Desk(jobs, MongoPaymentStore(stores.database), clock)


def _following(stores: Stores, post: Post, desk: Desk) -> Following:
    return Following(MongoOrders(stores.database), follow_ups(mailed_notices(stores, post), desk))
