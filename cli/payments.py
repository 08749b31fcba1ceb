"""Payments, as the settings want them: the ports of their routes, their vendor, and who looks after them."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from api.ports import PaymentPorts
from cli.limits import vendor_limit
from cli.orders import OrdersHere
from cli.settings import Settings
from cli.stores import Stores
from cli.stripe_variables import stripe_settings, takes_payments
from domain.commerce.payments import VENDOR
from domain.commerce.ports import PaymentJobs
from domain.infra.background import in_background
from domain.infra.commerce.payment_jobs import MongoPaymentJobs
from domain.infra.follow_ups import Tell
from domain.infra.mongo import Database
from domain.infra.payments.payments import MongoPaymentStore
from domain.infra.queue import Queue
from domain.interventions import PAYMENT
from domain.payments.following import PaymentFollowing
from domain.payments.hearing import Hearing
from domain.payments.job_ends import PaymentJobEnds
from domain.payments.late_looks import PaymentLooks
from domain.payments.upkeep import PaymentUpkeep
from domain.vendors import Vendor, VendorPolicy
from domain.webhooks import WebhookReader
from vendors.http import VendorHttp
from vendors.payments.policy import NoPayments, policy_of
from vendors.payments.stripe import StripePayments
from vendors.stripe.client import StripeDoor
from vendors.stripe.webhooks import StripeWebhooks
from worker.clock import FleetClock
from worker.upkeep import look_after

TURN = "payments"

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class PaymentsHere:
    """What a worker does for payments: looks after them, and tells them what became of the jobs that are theirs."""

    following: PaymentFollowing
    hearing: Hearing
    looks: PaymentLooks
    queue: Queue
    clock: Clock

    @property
    def tellers(self) -> Mapping[str, Tell]:
        return {PAYMENT: PaymentJobEnds(self.following, self.hearing, self.clock).tell}


def payment_ports(settings: Settings, stores: Stores, queue: Queue) -> PaymentPorts:
    """Who had to prove who they are comes back to `{pages}/payments/return`."""
    pages = _pages(settings)
    payments = MongoPaymentStore(stores.database)
    jobs = MongoPaymentJobs(stores.database, queue, settings.retention)
    following = PaymentFollowing(payments, jobs, _return_url(settings))
    return PaymentPorts(payments, jobs, following, pages, takes_payments=takes_payments(settings))


@asynccontextmanager
async def open_payments(
    settings: Settings, stores: Stores, orders: OrdersHere, clock: Clock
) -> AsyncIterator[PaymentsHere]:
    """`orders` are told what was paid, and what went back."""
    payments = MongoPaymentStore(stores.database)
    following = PaymentFollowing(payments, orders.jobs, _return_url(settings), orders.ends)
    looks = PaymentLooks(payments, orders.jobs, clock)
    yield PaymentsHere(following, Hearing(payments, clock), looks, orders.queue, clock)


@asynccontextmanager
async def payments_looked_after(here: PaymentsHere, clock: FleetClock) -> AsyncIterator[None]:
    """During the block, by this worker in its turn."""
    upkeep = PaymentUpkeep(here.following)
    async with in_background(look_after(upkeep, TURN, here.queue, clock)):
        yield


def payments_vendor(
    settings: Settings, http: VendorHttp, database: Database, jobs: PaymentJobs, clock: Clock
) -> Vendor:
    """Raises `ConfigurationError`."""
    chosen = stripe_settings(settings)
    if chosen is None:
        return NoPayments()
    return StripePayments(
        StripeDoor(chosen, http),
        Hearing(MongoPaymentStore(database), clock),
        jobs,
        StripeWebhooks.of(chosen),
        _pages(settings),
        limit=payments_limit(settings) or chosen.limit,
    )


def payments_policy(settings: Settings) -> VendorPolicy:
    """For a process that asks no processor itself. Raises `ConfigurationError`."""
    chosen = stripe_settings(settings)
    return NoPayments.policy if chosen is None else policy_of(payments_limit(settings) or chosen.limit)


def payment_readers(settings: Settings) -> Mapping[str, WebhookReader]:
    """The reader of Stripe's webhooks, by the name that no table may take. Raises `ConfigurationError`."""
    chosen = stripe_settings(settings)
    return {} if chosen is None else {VENDOR: StripeWebhooks.of(chosen)}


def payments_limit(settings: Settings) -> str | None:
    """None: what fits the key. Raises `ConfigurationError`."""
    return vendor_limit("GATEWAY_PAYMENTS_LIMIT", settings.payments_limit)


def _pages(settings: Settings) -> str:
    return (settings.pages_url or settings.public_base).rstrip("/")


def _return_url(settings: Settings) -> str:
    return f"{_pages(settings)}/payments/return"
