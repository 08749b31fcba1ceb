"""Where the simulated Stripe of `gateway demo-vendors` posts its events, and what it signs them with."""

import pytest

from cli.demo_vendors import stripe_endpoint
from cli.home import Home
from cli.settings import load_settings
from domain.commerce.payments import VENDOR

TOLD = ("DEMO_STRIPE_WEBHOOK_URL", "STRIPE_WEBHOOK_SECRET")


def test_its_events_come_to_the_vendor_that_takes_payments(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TOLD:
        monkeypatch.delenv(name, raising=False)
    settings = load_settings({"home": str(home.path), "public_url": "http://gateway.test"})
    endpoint = stripe_endpoint(settings)
    assert (VENDOR, endpoint.url) == ("payments", "http://gateway.test/webhooks/payments")
    assert endpoint.secret == settings.table_environment()["GATEWAY_DEMO_WEBHOOK_SECRET"]


def test_they_go_elsewhere_and_are_signed_otherwise_where_the_environment_says_so(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in zip(TOLD, ("http://else.test/hook", "whsec_else"), strict=True):
        monkeypatch.setenv(name, value)
    endpoint = stripe_endpoint(load_settings({"home": str(home.path)}))
    assert (endpoint.url, endpoint.secret) == ("http://else.test/hook", "whsec_else")
