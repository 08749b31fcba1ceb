"""At which processor payments are made, as the settings say; in production at none that nobody named."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from cli import doctor
from cli.home import Home
from cli.payments import payment_readers, payments_settings, payments_vendor, takes_payments
from cli.restored import policies_of
from cli.settings import Settings, load_settings
from cli.watching import Receiving, live_vendors
from domain.commerce.payments import LIFETIME
from domain.errors import BadSignature, ConfigurationError
from domain.webhooks import WebhookReader
from tests.vendors.payments.test_payments import CHECKOUT, REFUND, WITHDRAWAL, call_of
from tests.vendors.test_signatures import standard
from vendors.http import VendorHttp
from vendors.payments.adapter import NOT_CONFIGURED
from vendors.signatures.schemes import SCHEMES

ELSEWHERE = {"payments_url": "https://pay.example/v1/"}
FORMER, NEW = "whsec_Zm9ybWVyIHNlY3JldA==", "whsec_bmV3IHNlY3JldA=="


def settings_of(home: Home, env: str = "production", **more: str) -> Settings:
    return load_settings({"home": str(home.path), "env": env, "vendors_file": "/dev/null", **more})


async def test_in_production_nobody_pays_at_the_simulated_processor(home: Home) -> None:
    settings = settings_of(home, demo_vendors="1")
    assert (takes_payments(settings), payment_readers(settings)) == (False, {})
    async with VendorHttp() as http:
        payments = payments_vendor(settings, http)
        outcomes = [await payments.call(call_of(asked)) for asked in (CHECKOUT, WITHDRAWAL, REFUND)]
        outcomes.append(await payments.poll(call_of(CHECKOUT), "co_1"))
    assert (outcomes, payments.webhooks) == ([NOT_CONFIGURED] * 4, None)


def test_in_development_it_stands_in_and_signs_as_the_other_simulated_vendors_do(home: Home) -> None:
    settings = settings_of(home, "development", demo_vendors_url="http://127.0.0.1:8900")
    chosen = payments_settings(settings)
    assert (takes_payments(settings), chosen.url) == (True, "http://127.0.0.1:8900/processor")
    assert chosen.secret.get_secret_value() == settings.table_environment()["GATEWAY_DEMO_WEBHOOK_SECRET"]
    assert list(payment_readers(settings)) == ["payments"]


async def test_a_processor_that_is_named_is_asked_in_production_too(home: Home) -> None:
    settings = settings_of(home, **ELSEWHERE, payments_webhook_secret=NEW)
    chosen = payments_settings(settings)
    assert (takes_payments(settings), chosen.url, chosen.secret.get_secret_value()) == (
        True,
        "https://pay.example/v1",
        NEW,
    )
    async with VendorHttp() as http:
        assert payments_vendor(settings, http).webhooks is not None


async def test_in_production_its_webhooks_need_a_secret_that_no_home_has_made(home: Home) -> None:
    settings = settings_of(home, **ELSEWHERE)
    with pytest.raises(ConfigurationError, match=r"^GATEWAY_PAYMENTS_WEBHOOK_SECRET: .* set it to"):
        payment_readers(settings)
    async with VendorHttp() as http:
        with pytest.raises(ConfigurationError, match=r"^GATEWAY_PAYMENTS_WEBHOOK_SECRET: "):
            payments_vendor(settings, http)


async def test_a_secret_that_is_none_is_told_without_repeating_it(home: Home) -> None:
    settings = settings_of(home, **ELSEWHERE, payments_webhook_secret="hunter2")
    async with VendorHttp() as http:
        for make in (payment_readers, lambda settings: payments_vendor(settings, http)):
            with pytest.raises(ConfigurationError, match="GATEWAY_PAYMENTS_WEBHOOK_SECRET: write") as refusal:
                make(settings)
            assert "hunter2" not in str(refusal.value)


def readers_at(home: Home, http: VendorHttp, secret: str) -> Mapping[str, WebhookReader]:
    """What a receiver reads with that is started with this secret."""
    settings = settings_of(home, **ELSEWHERE, payments_webhook_secret=secret)
    return live_vendors(settings, http, receiving=Receiving(home, payment_readers(settings))).webhooks


def takes(reader: WebhookReader, secret: str) -> bool:
    body, now = json.dumps({"id": "co_1", "status": "paid"}).encode(), datetime.now(UTC)
    try:
        reader.verify(standard(body, now, SCHEMES["standard"].read_secret(secret)), body, now)
    except BadSignature:
        return False
    return True


async def test_what_was_signed_with_the_secret_before_is_taken_after_a_restart_with_another(home: Home) -> None:
    async with VendorHttp() as http:
        before = readers_at(home, http, FORMER)["payments"]
        assert (takes(before, FORMER), takes(before, NEW)) == (True, False)
        for _ in range(2):
            after = readers_at(home, http, NEW)["payments"]
            assert (takes(after, FORMER), takes(after, NEW)) == (True, True)


async def test_after_a_restore_a_payment_is_asked_for_again_under_its_key_and_not_given_up(home: Home) -> None:
    async with VendorHttp() as http:
        policy = policies_of(settings_of(home, "development"), http)["payments"]
    assert (policy.repeatable, policy.key_lifetime) == (True, LIFETIME)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"env": "production"}, "note   payments: none is taken"),
        ({"env": "production", **ELSEWHERE}, "WRONG  GATEWAY_PAYMENTS_WEBHOOK_SECRET: "),
        ({"env": "development"}, "ok     payments: the processor posts to http"),
    ],
    ids=["none", "unsigned", "simulated"],
)
def test_the_doctor_tells_of_it(
    home: Home, more: dict[str, str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    doctor.run({"home": str(home.path), "vendors_file": "/dev/null", **more})
    assert f"\n{told}" in capsys.readouterr().out
