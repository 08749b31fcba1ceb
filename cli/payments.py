"""Payments, as the settings want them: the ports of their routes, their vendor, and the reader of its webhooks."""

from collections import ChainMap
from collections.abc import Mapping
from typing import cast

from pydantic import SecretStr

from api.ports import PaymentPorts
from cli.settings import DEMO_WEBHOOK_SECRET, Settings
from cli.stores import Stores
from domain.commerce.payments import VENDOR
from domain.errors import ConfigurationError
from domain.infra.commerce.payment_jobs import MongoPaymentJobs
from domain.infra.payments.payments import MongoPaymentStore
from domain.infra.queue import Queue
from domain.payments.following import PaymentFollowing
from domain.webhooks import WebhookReader
from vendors.http import VendorHttp
from vendors.payments.adapter import Payments
from vendors.payments.settings import PaymentsSettings
from vendors.payments.simulated import SimulatedProcessor, webhooks_of


def payment_ports(settings: Settings, stores: Stores, queue: Queue) -> PaymentPorts:
    """Who had to prove who they are comes back to `{pages}/payments/return`."""
    pages = _pages(settings)
    payments = MongoPaymentStore(stores.database)
    jobs = MongoPaymentJobs(stores.database, queue, settings.retention)
    following = PaymentFollowing(payments, jobs, f"{pages}/payments/return")
    return PaymentPorts(payments, jobs, following, pages)


def payments_vendor(settings: Settings, http: VendorHttp) -> Payments:
    """Raises `ConfigurationError`."""
    chosen = payments_settings(settings)
    try:
        return Payments(SimulatedProcessor(chosen, http), chosen.poll_every)
    except ValueError:  # whose text may hold the secret
        raise _wrong() from None


def with_payments(readers: Mapping[str, WebhookReader], settings: Settings) -> Mapping[str, WebhookReader]:
    """The webhooks' readers, live as they were, and that of the payments, which no client may name."""
    try:
        own = webhooks_of(payments_settings(settings))
    except ValueError:
        raise _wrong() from None
    return ChainMap[str, WebhookReader]({VENDOR: own}, cast("dict[str, WebhookReader]", readers))


def payments_settings(settings: Settings) -> PaymentsSettings:
    """The simulated processor signs as the other simulated vendors do."""
    secret = settings.payments_webhook_secret or SecretStr(settings.table_environment()[DEMO_WEBHOOK_SECRET])
    return PaymentsSettings(
        url=payments_url(settings),
        secret=secret,
        webhook_url=f"{settings.public_base}/webhooks/{VENDOR}",
        pages=_pages(settings),
    )


def _pages(settings: Settings) -> str:
    return (settings.pages_url or settings.public_base).rstrip("/")


def payments_url(settings: Settings) -> str:
    """Without a slash at the end."""
    return (settings.payments_url or f"{settings.demo_vendors_url.rstrip('/')}/processor").rstrip("/")


def _wrong() -> ConfigurationError:
    return ConfigurationError(
        "GATEWAY_PAYMENTS_URL, GATEWAY_PAYMENTS_WEBHOOK_SECRET: write https://host/path, and whsec_ and then base64, "
        "as the processor shows them"
    )
