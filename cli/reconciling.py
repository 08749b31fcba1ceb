"""The worker's part in comparing the books with Stripe's lists: it puts a run on record once a period."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

from cli.orders import OrdersHere
from cli.settings import Settings
from domain.commerce.payments import VENDOR
from domain.infra.background import in_background
from domain.payments.reconcile_rota import ReconcileRota
from domain.vendors import Vendor
from vendors.payments.stripe import StripePayments
from worker.clock import FleetClock
from worker.reconciling import compare_in_time


@asynccontextmanager
async def books_compared(
    settings: Settings, orders: OrdersHere, vendors: Mapping[str, Vendor], clock: FleetClock
) -> AsyncIterator[None]:
    """During the block; only where this worker speaks to Stripe, and unless GATEWAY_RECONCILE_EVERY_SECONDS is 0."""
    every = timedelta(seconds=settings.reconcile_every_seconds)
    if not every or not isinstance(vendors.get(VENDOR), StripePayments):
        yield
        return
    async with in_background(compare_in_time(ReconcileRota(orders.jobs, every), clock)):
        yield
