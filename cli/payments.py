"""
The payments of orders, as the settings want them: their vendor, and the reader of its webhooks.

The simulated processor takes nobody's money, and whoever finds its page may press its buttons: where nobody says
otherwise it stands in for a real one in development only. In production without one the gateway runs, and takes no
payments.
"""

from collections.abc import Mapping

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
from vendors.payments.adapter import NoProcessor, Payments
from vendors.payments.settings import POLL_EVERY, PaymentsSettings
from vendors.payments.simulated import SimulatedProcessor, webhooks_of

_WRONG = (
    "GATEWAY_PAYMENTS_URL, GATEWAY_PAYMENTS_WEBHOOK_SECRET: write https://host/path, and whsec_ and then base64, "
    "as the processor shows them"
)
_UNSIGNED = (
    "GATEWAY_PAYMENTS_WEBHOOK_SECRET: in production GATEWAY_PAYMENTS_URL needs it, or nobody could tell the "
    "processor's webhooks from a stranger's; set it to what that signs with, whsec_ and then base64"
)


def takes_payments(settings: Settings) -> bool:
    return settings.payments_url is not None or settings.env == "development"


def payment_ports(settings: Settings, stores: Stores, queue: Queue) -> PaymentPorts:
    """Who had to prove who they are comes back to `{pages}/payments/return`."""
    pages = _pages(settings)
    payments = MongoPaymentStore(stores.database)
    jobs = MongoPaymentJobs(stores.database, queue, settings.retention)
    following = PaymentFollowing(payments, jobs, f"{pages}/payments/return")
    return PaymentPorts(payments, jobs, following, pages)


def payments_vendor(settings: Settings, http: VendorHttp) -> Payments:
    """Raises `ConfigurationError`."""
    if not takes_payments(settings):
        return Payments(NoProcessor(), POLL_EVERY)
    chosen = payments_settings(settings)
    try:
        return Payments(SimulatedProcessor(chosen, http), chosen.poll_every)
    except ValueError:  # whose text may hold the secret
        raise ConfigurationError(_WRONG) from None


def payment_readers(settings: Settings) -> Mapping[str, WebhookReader]:
    """The reader of the processor's webhooks, by the name that no table may take. Raises `ConfigurationError`."""
    if not takes_payments(settings):
        return {}
    try:
        return {VENDOR: webhooks_of(payments_settings(settings))}
    except ValueError:
        raise ConfigurationError(_WRONG) from None


def payments_settings(settings: Settings) -> PaymentsSettings:
    """Raises `ConfigurationError`."""
    return PaymentsSettings(
        url=payments_url(settings),
        secret=_secret(settings),
        webhook_url=f"{settings.public_base}/webhooks/{VENDOR}",
        pages=_pages(settings),
    )


def _pages(settings: Settings) -> str:
    return (settings.pages_url or settings.public_base).rstrip("/")


def payments_url(settings: Settings) -> str:
    """Without a slash at the end."""
    return (settings.payments_url or f"{settings.demo_vendors_url.rstrip('/')}/processor").rstrip("/")


def _secret(settings: Settings) -> SecretStr:
    """The simulated processor signs as the other simulated vendors do."""
    if settings.payments_webhook_secret is not None:
        return settings.payments_webhook_secret
    if settings.env == "production":
        raise ConfigurationError(_UNSIGNED)
    return SecretStr(settings.table_environment()[DEMO_WEBHOOK_SECRET])
