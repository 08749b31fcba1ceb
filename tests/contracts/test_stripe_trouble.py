"""The door beside a Stripe in trouble, counted from outside: whatever is lost on the way, a payment is made once."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from domain.errors import OutcomeUnknown
from domain.money import Money
from domain.outcomes import Failed, Retry
from domain.payments.money_state import MoneyState, Standing
from domain.request_ids import new_request_id
from domain.vendors import Call
from domain.webhooks import LookAgain, NotForUs, Notice
from tests.loadtest.conftest import vendors_running
from tests.loadtest.stripe.api import KEY, Api
from vendors.http import VendorHttp
from vendors.stripe.client import StripeDoor
from vendors.stripe.looking import look_at
from vendors.stripe.settings import StripeSettings
from vendors.stripe.webhooks import StripeWebhooks
from vendors.stripe.words import IntentAsked, RefundAsked

USD = Money(amount=2000, currency="USD")
ASKED = IntentAsked(USD, "pm_card_visa", "https://shop.test/back")
PAY = "POST /v1/payment_intents"


@pytest.fixture(scope="module")
def running() -> Iterator[Api]:
    with vendors_running() as vendors:
        yield Api(vendors)


@pytest.fixture
def stripe(running: Api) -> Api:
    running.control("DELETE", "/everything")
    running.control("DELETE")
    return running


def settings_of(stripe: Api) -> StripeSettings:
    base = f"http://127.0.0.1:{stripe.vendors.port}/stripe"
    return StripeSettings(SecretStr(KEY), SecretStr("whsec_x"), base)


@pytest.fixture
async def door(stripe: Api) -> AsyncIterator[StripeDoor]:
    async with VendorHttp() as http:
        yield StripeDoor(settings_of(stripe), http)


def a_call() -> Call:
    return Call(new_request_id(), "{}", timedelta(seconds=5))


def intents(stripe: Api) -> list[str]:
    return [each["id"] for each in stripe.get("payment_intents", {"limit": 100}).json["data"]]


async def until_known(door: StripeDoor, call: Call) -> str:
    """As the worker does it: the same key again, as long as nobody knows."""
    for _ in range(5):
        try:
            made = await door.create_intent(ASKED, call)
        except OutcomeUnknown:
            continue
        if not isinstance(made, Retry):
            assert not isinstance(made, Failed)
            return made.id
    raise AssertionError("it stays unknown")


@pytest.mark.parametrize(
    "fault",
    [
        {"mode": "drop_before"},
        {"mode": "drop_after"},
        {"mode": "rubbish"},
        {"mode": "api_error", "status": 500, "when": "before"},
        {"mode": "api_error", "status": 500, "when": "after"},
        {"mode": "lock_timeout", "status": 429},
        {"mode": "lock_timeout", "status": 409},
        {"mode": "rate_limit", "retry_after": 0},
    ],
    ids=lambda fault: "-".join(str(part) for part in fault.values()),
)
async def test_whatever_is_lost_on_the_way_it_is_charged_once(
    stripe: Api, door: StripeDoor, fault: dict[str, object]
) -> None:
    stripe.control("PUT", f"?on={PAY.replace(' ', '%20')}", [{**fault, "times": 1}])
    made = await until_known(door, a_call())
    assert intents(stripe) == [made]


async def test_a_stored_500_that_did_nothing_stays_unknown_and_nothing_is_made_in_its_place(
    stripe: Api, door: StripeDoor
) -> None:
    fault = [{"mode": "api_error", "status": 500, "when": "began", "times": 1}]
    stripe.control("PUT", f"?on={PAY.replace(' ', '%20')}", fault)
    with pytest.raises(AssertionError, match="unknown"):
        await until_known(door, a_call())
    assert intents(stripe) == []


async def test_a_refund_whose_answer_was_lost_is_made_once(stripe: Api, door: StripeDoor) -> None:
    paid, call = await until_known(door, a_call()), a_call()
    asked = RefundAsked(paid, Money(amount=500, currency="USD"))
    fault = [{"mode": "api_error", "status": 500, "when": "after", "times": 1}]
    stripe.control("PUT", "?on=POST%20/v1/refunds", fault)
    with pytest.raises(OutcomeUnknown):
        await door.create_refund(asked, call)
    found = await door.create_refund(asked, call)
    assert not isinstance(found, Retry | Failed)
    assert [each["id"] for each in stripe.get("refunds").json["data"]] == [found.id]


async def test_a_refund_made_by_hand_is_a_strangers_and_counts(stripe: Api, door: StripeDoor) -> None:
    paid = await until_known(door, a_call())
    stripe.control("POST", "/refunds", {"payment_intent": paid, "amount": 700})
    state = await look_at(door, paid, a_call(), asked=USD, read_at=datetime.now(UTC))
    assert isinstance(state, MoneyState)
    assert [(each.amount, each.ours) for each in state.refunds] == [(700, None)]
    assert state.standing is Standing.PAID


async def test_a_wrong_key_moves_no_money_and_says_what_to_set(stripe: Api, door: StripeDoor) -> None:
    stripe.control("PUT", "/keys", {"accepted": ["sk_test_another"]})
    try:
        refused = await door.create_intent(ASKED, a_call())
    finally:
        stripe.control("PUT", "/keys", {"accepted": []})
    assert isinstance(refused, Retry)
    assert (refused.closes_vendor, "STRIPE_SECRET_KEY" in refused.reason) == (True, True)
    assert intents(stripe) == []


async def test_its_events_name_the_job_or_the_payment(stripe: Api, door: StripeDoor) -> None:
    call = a_call()
    paid = await until_known(door, call)
    stripe.control("POST", "/refunds", {"payment_intent": paid, "amount": 700})
    reader, read = StripeWebhooks.of(settings_of(stripe)), {}
    for event in stripe.events():
        try:
            read[event["type"]] = reader.read(json.dumps(event).encode())
        except NotForUs:
            continue
    assert read["payment_intent.succeeded"] == Notice(
        None, call.request_id, LookAgain(paid), "payment_intent.succeeded"
    )
    assert read["charge.refunded"].request_id == call.request_id
    assert read["refund.created"] == Notice(paid, None, LookAgain(paid), "refund.created")
