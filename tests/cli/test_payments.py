"""At which Stripe payments are made, as the settings say; in production at none that nobody named."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from cli import doctor
from cli.home import Home
from cli.payments import payment_readers, payments_vendor
from cli.restored import policies_of
from cli.settings import Settings, load_settings
from cli.stripe_variables import payment_pages, stripe_settings, takes_payments
from cli.watching import Receiving, live_vendors
from domain.commerce.payments import KEY_LIFETIME
from domain.errors import BadSignature, ConfigurationError
from domain.infra.mongo import open_mongo
from domain.request_ids import new_request_id
from domain.vendors import AnswersPolls, Call, SendsWebhooks, Vendor
from domain.webhooks import WebhookReader
from tests.fakes_orders import FakePaymentJobs
from vendors.http import VendorHttp
from vendors.payments.policy import NOT_CONFIGURED, TIMEOUT

KEY, FORMER, NEW = "sk_test_51Nx", "whsec_former", "whsec_new"
NOWHERE = "mongodb://127.0.0.1:1/?directConnection=true"


@pytest.fixture(autouse=True)
def nobody_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_API_BASE"):
        monkeypatch.delenv(name, raising=False)


def settings_of(home: Home, env: str = "production", **more: str) -> Settings:
    return load_settings({"home": str(home.path), "env": env, "vendors_file": "/dev/null", **more})


def say(monkeypatch: pytest.MonkeyPatch, **said: str) -> None:
    for name, value in said.items():
        monkeypatch.setenv(f"STRIPE_{name.upper()}", value)


async def vendor_of(settings: Settings, http: VendorHttp) -> Vendor:
    async with open_mongo(NOWHERE) as database:
        return payments_vendor(settings, http, database, FakePaymentJobs(), lambda: datetime.now(UTC))


async def test_in_production_nobody_pays_at_the_simulated_stripe(home: Home) -> None:
    settings = settings_of(home, demo_vendors="1")
    assert (takes_payments(settings), payment_readers(settings), payment_pages(settings)) == (False, {}, [])
    async with VendorHttp() as http:
        payments = await vendor_of(settings, http)
        call = Call(new_request_id(), '{"kind":"payment.look"}', TIMEOUT)
        assert isinstance(payments, AnswersPolls)
        outcomes = [await payments.call(call), await payments.poll(call, "cs_1")]
    assert (outcomes, isinstance(payments, SendsWebhooks) and payments.webhooks) == ([NOT_CONFIGURED] * 2, None)
    assert NOT_CONFIGURED.closes_vendor  # and so it costs no try


def test_in_development_it_stands_in_and_signs_as_the_other_simulated_vendors_do(home: Home) -> None:
    settings = settings_of(home, "development", demo_vendors_url="http://127.0.0.1:8900")
    chosen = stripe_settings(settings)
    assert chosen is not None
    assert (chosen.api_base, chosen.livemode) == ("http://127.0.0.1:8900/stripe", False)
    assert chosen.webhook_secret.get_secret_value() == settings.table_environment()["GATEWAY_DEMO_WEBHOOK_SECRET"]
    assert list(payment_readers(settings)) == ["payments"]
    assert payment_pages(settings) == ["http://127.0.0.1:8900/stripe"]
    assert payment_pages(settings.model_copy(update={"demo_vendors": False})) == []


def test_the_simulated_ones_secret_is_told_of_by_name_where_it_is_none(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(monkeypatch, webhook_secret="hunter2")
    with pytest.raises(ConfigurationError, match=r"^STRIPE_WEBHOOK_SECRET ") as refusal:
        stripe_settings(settings_of(home, "development"))
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("env", ["production", "development"])
async def test_with_a_key_it_is_stripe_itself_at_the_rate_that_is_set(
    home: Home, monkeypatch: pytest.MonkeyPatch, env: str
) -> None:
    say(monkeypatch, secret_key=KEY, webhook_secret=NEW)
    settings = settings_of(home, env)
    chosen = stripe_settings(settings)
    assert chosen is not None
    assert (chosen.api_base, chosen.secret_key.get_secret_value()) == ("https://api.stripe.com", KEY)
    assert payment_pages(settings) == ["https://checkout.stripe.com"]
    async with VendorHttp() as http:
        assert (await vendor_of(settings, http)).policy.limit == "20/second"
        say(monkeypatch, secret_key="sk_live_51Nx")
        assert (await vendor_of(settings, http)).policy.limit == "80/second"
        faster = settings_of(home, env, payments_limit="300/second")
        assert (await vendor_of(faster, http)).policy.limit == "300/second"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"secret_key": KEY}, "STRIPE_WEBHOOK_SECRET: "),
        ({"secret_key": "pk_test_1hunter2", "webhook_secret": NEW}, "STRIPE_SECRET_KEY "),
        ({"secret_key": "sk_live_1hunter2", "webhook_secret": NEW, "api_base": "https://x.test"}, "STRIPE_SECRET_KEY "),
        ({"api_base": "http://127.0.0.1:1"}, "STRIPE_SECRET_KEY: "),
        ({"secret_key": KEY, "webhook_secret": "sk_test_1hunter2"}, "STRIPE_WEBHOOK_SECRET "),
        ({"secret_key": KEY, "webhook_secret": "whsec_"}, "STRIPE_WEBHOOK_SECRET "),
        ({"secret_key": KEY, "webhook_secret": NEW, "api_base": "127.0.0.1:1"}, "STRIPE_API_BASE: "),
        ({"secret_key": KEY, "webhook_secret": NEW, "api_base": "https://"}, "STRIPE_API_BASE: "),
        ({"secret_key": KEY, "webhook_secret": NEW, "api_base": "https://me:hunter2@x.test"}, "STRIPE_API_BASE: "),
        ({"secret_key": KEY, "webhook_secret": NEW, "api_base": "https://x.test/?a=b"}, "STRIPE_API_BASE: "),
        ({"secret_key": KEY, "webhook_secret": NEW, "api_base": "https://x.test:no"}, "STRIPE_API_BASE: "),
    ],
    ids=[
        *("unsigned", "no secret key", "a live key elsewhere", "no key", "another secret", "half a secret"),
        *("no url", "no host", "somebody's url", "a query", "no port"),
    ],
)
def test_what_is_wrong_is_told_with_its_remedy_and_without_the_secret(
    home: Home, monkeypatch: pytest.MonkeyPatch, said: dict[str, str], told: str
) -> None:
    say(monkeypatch, **said)
    with pytest.raises(ConfigurationError, match=f"^{told}") as refusal:
        payment_readers(settings_of(home))
    assert "hunter2" not in str(refusal.value)


async def test_a_rate_that_is_none_is_told_of_by_name(home: Home) -> None:
    async with VendorHttp() as http:
        with pytest.raises(ConfigurationError, match=r"^GATEWAY_PAYMENTS_LIMIT: "):
            await vendor_of(settings_of(home, "development", payments_limit="often"), http)


def readers_at(home: Home, http: VendorHttp) -> Mapping[str, WebhookReader]:
    """What a receiver reads with that is started now."""
    settings = settings_of(home)
    return live_vendors(settings, http, receiving=Receiving(home, payment_readers(settings))).webhooks


def takes(reader: WebhookReader, secret: str) -> bool:
    body, now = json.dumps({"id": "evt_1", "livemode": False}).encode(), datetime.now(UTC)
    stamp = str(int(now.timestamp()))
    signature = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    try:
        reader.verify({"stripe-signature": f"t={stamp},v1={signature}"}, body, now)
    except BadSignature:
        return False
    return True


async def test_what_was_signed_with_the_secret_before_is_taken_after_a_restart_with_another(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(monkeypatch, secret_key=KEY, webhook_secret=FORMER)
    async with VendorHttp() as http:
        before = readers_at(home, http)["payments"]
        assert (takes(before, FORMER), takes(before, NEW)) == (True, False)
        say(monkeypatch, webhook_secret=NEW)
        for _ in range(2):
            after = readers_at(home, http)["payments"]
            assert (takes(after, FORMER), takes(after, NEW)) == (True, True)


async def test_after_a_restore_a_payment_is_asked_for_again_under_its_key_and_not_given_up(home: Home) -> None:
    async with VendorHttp() as http:
        policy = policies_of(settings_of(home, "development"), http)["payments"]
    assert (policy.repeatable, policy.key_lifetime) == (True, KEY_LIFETIME)


@pytest.mark.parametrize(
    ("env", "key", "told"),
    [
        ("production", None, "note   payments: none is taken"),
        ("production", KEY, "WRONG  STRIPE_WEBHOOK_SECRET: "),
        ("development", None, "ok     payments: Stripe posts to http"),
    ],
    ids=["none", "unsigned", "simulated"],
)
def test_the_doctor_tells_of_it(
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    env: str,
    key: str | None,
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if key is not None:
        say(monkeypatch, secret_key=key)
    doctor.run({"home": str(home.path), "vendors_file": "/dev/null", "env": env})
    assert f"\n{told}" in capsys.readouterr().out


def test_the_doctor_tells_of_a_rate_that_is_none(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    doctor.run({"home": str(home.path), "vendors_file": "/dev/null", "env": "development", "payments_limit": "often"})
    assert "\nWRONG  GATEWAY_PAYMENTS_LIMIT: " in capsys.readouterr().out
