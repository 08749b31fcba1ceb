"""Where short links may lead to, as the settings have it."""

from typing import Any

import pytest

from cli.notices import destinations
from cli.settings import load_settings
from domain.errors import ConfigurationError


def allowed(url: str, **settings: Any) -> bool:
    return destinations(load_settings(settings)).allow(url)


def test_the_listed_hosts_are_led_to_by_https() -> None:
    listed = {"short_hosts": "checkout.stripe.com, pay.example:8443"}
    assert allowed("https://checkout.stripe.com/c/pay/cs_1#x", **listed)
    assert allowed("https://pay.example:8443/", **listed)
    assert not allowed("https://pay.example/", **listed)
    assert not allowed("http://checkout.stripe.com/", **listed)
    assert not allowed("https://checkout.stripe.com/")


def test_the_simulated_stripes_page_is_led_to_in_development_only() -> None:
    page, here = "http://127.0.0.1:8900/stripe/pay/cs_1", {"demo_vendors_url": "http://127.0.0.1:8900"}
    assert allowed(page, env="development", **here)
    assert not allowed(page, env="production", **here)
    assert not allowed("https://127.0.0.1:8900/", env="production", **here)
    assert not allowed("http://127.0.0.1:8901/", env="development", **here)
    assert not allowed(page, env="development", demo_vendors="0", **here)


@pytest.mark.parametrize("listed", ["*", "https://pay.example", "pay.example/x", "a b"])
def test_what_is_no_host_is_told_with_the_remedy(listed: str) -> None:
    with pytest.raises(ConfigurationError, match=r"GATEWAY_SHORT_HOSTS: entry 2 .*; hosts that short links"):
        load_settings({"short_hosts": f"pay.example,{listed}"})
