"""The limits of the API side, as the settings have them."""

from collections.abc import AsyncIterator

import pytest

from api.limits import RequestLimits
from cli.limits import browser_rules, cookie_origins, request_limits
from cli.settings import load_settings
from domain.callers import Caller, Role
from domain.infra.redis import RedisClient, open_redis

ACME = Caller("acme", Role.USER)


@pytest.fixture
async def redis() -> AsyncIterator[RedisClient]:
    """Away: each process counts for itself."""
    async with open_redis("redis://127.0.0.1:1") as client:
        yield client


async def rates(limits: RequestLimits) -> tuple[int | None, int | None]:
    """Requests of a client, and of an address."""
    of_client = await limits.of_callers.take(ACME) if limits.of_callers else None
    of_address = await limits.of_addresses.take("192.0.2.1") if limits.of_addresses else None
    return (
        None if of_client is None else of_client.standings[0].amount,
        None if of_address is None else of_address.standings[0].amount,
    )


async def test_by_default_only_addresses_are_counted(redis: RedisClient) -> None:
    assert await rates(request_limits(load_settings(), redis)) == (None, 100)


async def test_a_setting_limits_clients_and_another_frees_addresses(redis: RedisClient) -> None:
    settings = load_settings({"client_limit": "7/minute", "ip_limit": "none", "trusted_hops": "2"})
    limits = request_limits(settings, redis)
    assert await rates(limits) == (7, None)
    assert limits.trusted_hops == 2


@pytest.mark.parametrize(("url", "https"), [("https://gateway.example", True), ("http://gateway.example", False)])
def test_https_is_demanded_where_the_gateway_is_reached_by_it(url: str, *, https: bool) -> None:
    assert browser_rules(load_settings({"public_url": url})).https is https


def test_other_machines_are_bound_to_https_by_a_setting_of_its_own() -> None:
    assert not browser_rules(load_settings({"public_url": "https://gateway.example"})).subdomains
    assert browser_rules(load_settings({"hsts_subdomains": "1"})).subdomains


def test_pages_of_our_own_and_of_listed_origins_may_use_the_cookie() -> None:
    settings = load_settings({"public_url": "https://Gateway.example/base", "cors_origins": "https://shop.example"})
    assert cookie_origins(settings) == {"https://gateway.example", "https://shop.example"}
    assert browser_rules(settings).origins == {"https://shop.example"}


def test_where_any_page_may_call_only_our_own_use_the_cookie() -> None:
    settings = load_settings({"public_url": "https://gateway.example", "cors_origins": "*"})
    assert cookie_origins(settings) == {"https://gateway.example"}
