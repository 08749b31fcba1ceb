"""
At which Stripe payments are made: `STRIPE_…`, from the environment or `.env`.

The simulated one takes nobody's money, and whoever finds its pages may press their buttons: where nobody says otherwise
it stands in for the real one in development only. In production without a key the gateway runs, and takes no payments.
The key is a secret and has no flag, which others would see in a list of processes.
"""

from urllib.parse import urlsplit

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from cli.settings import DEMO_WEBHOOK_SECRET, DOTENV, Settings
from domain.errors import ConfigurationError
from vendors.stripe.settings import API_BASE, StripeSettings

STRIPES_PAGES = "https://checkout.stripe.com"
SIMULATED_KEY = "sk_test_simulated"

_UNSIGNED = (
    "STRIPE_WEBHOOK_SECRET: STRIPE_SECRET_KEY needs it, or nobody could tell Stripe's webhooks from a stranger's; "
    "set it to the endpoint's signing secret, whsec_…"
)
_NO_KEY = "STRIPE_SECRET_KEY: STRIPE_API_BASE needs it; set it too, or take that away"
_NO_URL = "STRIPE_API_BASE: write http://host:port/path, or take it away: then it is Stripe itself"


class StripeVariables(BaseSettings):
    """Read as they are; `stripe_settings` checks them."""

    model_config = SettingsConfigDict(
        frozen=True, env_file=DOTENV, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    stripe_secret_key: SecretStr | None = None
    stripe_webhook_secret: SecretStr | None = None
    stripe_api_base: str | None = None


def stripe_settings(settings: Settings) -> StripeSettings | None:
    """None: nobody takes payments. Raises `ConfigurationError`, without repeating a secret."""
    said = StripeVariables()
    try:
        return _simulated(settings, said) if said.stripe_secret_key is None else _chosen(said, said.stripe_secret_key)
    except ValueError as fault:
        raise ConfigurationError(str(fault)) from None


def takes_payments(settings: Settings) -> bool:
    """Raises `ConfigurationError`."""
    return stripe_settings(settings) is not None


def payment_pages(settings: Settings) -> list[str]:
    """Where buyers may be led to: Stripe's own pages, or the simulated one's, where it is started."""
    chosen = stripe_settings(settings)
    if chosen is None:
        return []
    if chosen.api_base == API_BASE:
        return [STRIPES_PAGES]
    ours = chosen.api_base.startswith(settings.demo_vendors_url)
    return [chosen.api_base] if settings.demo_vendors or not ours else []


def _chosen(said: StripeVariables, key: SecretStr) -> StripeSettings:
    if said.stripe_webhook_secret is None:
        raise ConfigurationError(_UNSIGNED)
    base = (said.stripe_api_base or API_BASE).rstrip("/")
    if not _is_base(base):
        raise ConfigurationError(_NO_URL)
    return StripeSettings(key, said.stripe_webhook_secret, base)


def _is_base(url: str) -> bool:
    """Something to which a path may be added, and which may be told of: nobody's password stands in it."""
    try:
        parts, _ = urlsplit(url), urlsplit(url).port
    except ValueError:
        return False
    plain = not ("@" in parts.netloc or parts.query or parts.fragment)
    return parts.scheme in {"https", "http"} and bool(parts.hostname) and plain


def _simulated(settings: Settings, said: StripeVariables) -> StripeSettings | None:
    """It signs as the other simulated vendors do, unless it is told otherwise."""
    if said.stripe_api_base is not None:
        raise ConfigurationError(_NO_KEY)
    if settings.env != "development":
        return None
    secret = said.stripe_webhook_secret or SecretStr(settings.table_environment()[DEMO_WEBHOOK_SECRET])
    return StripeSettings(SecretStr(SIMULATED_KEY), secret, f"{settings.demo_vendors_url.rstrip('/')}/stripe")
