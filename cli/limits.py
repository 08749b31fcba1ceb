"""The limits of the API side, of the gateway's own vendors, and what browsers are told, made from the settings."""

from pydantic import TypeAdapter, ValidationError

from api.limits import RequestLimits
from cli.settings import Settings
from domain.edge.security import BrowserRules
from domain.errors import ConfigurationError
from domain.infra.api_limits import FleetAddressLimit, FleetCallerLimit, FleetSignInLimit
from domain.infra.redis import RedisClient
from domain.page_origins import ANY, origin_of
from vendors.table.fields import Limit

UNKEPT = ("/auth/", "/users", "/api-keys", "/audit")  # who keeps these shows them to the next one at the same desk


def request_limits(settings: Settings, redis: RedisClient) -> RequestLimits:
    return RequestLimits(
        FleetCallerLimit(redis, settings.client_rate),
        None if settings.ip_rate is None else FleetAddressLimit(redis, settings.ip_rate),
        settings.trusted_hops,
    )


def sign_in_limit(redis: RedisClient) -> FleetSignInLimit:
    return FleetSignInLimit(redis)


def browser_rules(settings: Settings) -> BrowserRules:
    https = settings.public_base.startswith("https://")
    return BrowserRules(settings.origins, https=https, subdomains=settings.hsts_subdomains, unkept=UNKEPT)


def cookie_origins(settings: Settings) -> frozenset[str]:
    """Of pages that may use the cookie's routes: our own, as users see it behind proxies, and those that are listed."""
    return (settings.origins - {ANY}) | {origin_of(settings.public_base)}


def vendor_limit(name: str, limit: str | None) -> str | None:
    """Of a vendor of the gateway's own, as the setting `name` has it. Raises `ConfigurationError`."""
    if limit is None:
        return None
    try:
        return TypeAdapter[str](Limit).validate_python(limit)
    except ValidationError as faults:
        fault = faults.errors(include_input=False)[0]["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{name}: {fault}") from None
