"""The payments of orders, as the settings want them: their vendor, and the reader of its webhooks."""

from collections import ChainMap
from collections.abc import Mapping
from typing import cast

from pydantic import SecretStr

from cli.settings import DEMO_WEBHOOK_SECRET, Settings
from domain.commerce.payments import VENDOR
from domain.errors import ConfigurationError
from domain.webhooks import WebhookReader
from vendors.http import VendorHttp
from vendors.payments.adapter import Payments
from vendors.payments.settings import PaymentsSettings
from vendors.payments.simulated import SimulatedProcessor, webhooks_of


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
        pages=(settings.pages_url or settings.public_base).rstrip("/"),
    )


def payments_url(settings: Settings) -> str:
    """Without a slash at the end."""
    return (settings.payments_url or f"{settings.demo_vendors_url.rstrip('/')}/processor").rstrip("/")


def _wrong() -> ConfigurationError:
    return ConfigurationError(
        "GATEWAY_PAYMENTS_URL, GATEWAY_PAYMENTS_WEBHOOK_SECRET: write https://host/path, and whsec_ and then base64, "
        "as the processor shows them"
    )
