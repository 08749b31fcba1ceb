"""The process of the simulated vendors: strangers on another port, for a gateway that has nobody to call yet."""

from urllib.parse import urlsplit

from cli.settings import DEMO_WEBHOOK_SECRET, Settings
from domain.commerce.payments import VENDOR
from domain.errors import ConfigurationError
from loadtest.stripe.webhooks import Endpoint
from loadtest.vendors.app import main
from vendors.services.settings import addresses_in


def run(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM, where `GATEWAY_DEMO_VENDORS_URL` says."""
    address = urlsplit(settings.demo_vendors_url)
    if address.hostname is None or address.scheme != "http":
        raise ConfigurationError(f"GATEWAY_DEMO_VENDORS_URL: {settings.demo_vendors_url}; write http://host:port")
    secret = settings.table_environment()[DEMO_WEBHOOK_SECRET]
    services = {"user": addresses_in(settings.demo_users), "product": addresses_in(settings.demo_products)}
    main(address.hostname, address.port or 80, secret, (stripe_endpoint(settings),), services)


def stripe_endpoint(settings: Settings) -> Endpoint:
    """Where the simulated Stripe posts its events: to the vendor by which this gateway takes payments."""
    told = settings.table_environment()
    url = told.get("DEMO_STRIPE_WEBHOOK_URL") or f"{settings.public_base}/webhooks/{VENDOR}"
    return Endpoint(url, told.get("STRIPE_WEBHOOK_SECRET") or told[DEMO_WEBHOOK_SECRET])
