"""Every kind of answer, through the official SDK's typed objects: as its pinned version promises, and nothing else."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import stripe
from stripe import StripeClient
from stripe.checkout import Session

from loadtest.stripe.events import API_VERSION
from tests.loadtest.stripe.api import CARD_ONLY, KEY, Api
from tests.loadtest.stripe.sdk_types import faults

PAID: Any = {"amount": 2000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True, **CARD_ONLY}
SESSION: Any = {
    "mode": "payment",
    "line_items": [
        {"price_data": {"currency": "usd", "unit_amount": 999, "product_data": {"name": "A"}}, "quantity": 2}
    ],
    "success_url": "https://shop.example/{CHECKOUT_SESSION_ID}",
    "cancel_url": "https://shop.example/",
    "metadata": {"order": "1"},
}
ASKS: Any = {"payment_method": "pm_card_threeDSecure2Required"}
CLASSES: dict[str, Any] = {
    "customer": stripe.Customer,
    "payment_method": stripe.PaymentMethod,
    "payment_intent": stripe.PaymentIntent,
    "charge": stripe.Charge,
    "refund": stripe.Refund,
    "checkout.session": Session,
    "event": stripe.Event,
}

# The SDK hands httpx its bodies by a name that httpx gave up.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")


@pytest.fixture
async def sdk(api: Api) -> AsyncIterator[StripeClient]:
    http = stripe.HTTPXClient(timeout=5)
    base: Any = {"api": f"http://127.0.0.1:{api.vendors.port}/stripe"}
    yield StripeClient(KEY, base_addresses=base, http_client=http, max_network_retries=0)
    await http.close_async()  # type: ignore[no-untyped-call]


def paid(**params: Any) -> Any:
    return {**PAID, **params}


def opened(**params: Any) -> Any:
    return {**SESSION, **params}


def wire(thing: Any) -> Any:
    """The JSON that it was made of."""
    return json.loads(thing.last_response.body)


def check(thing: Any, kind: type) -> None:
    assert type(thing) is kind
    assert faults(wire(thing), kind) == []


def test_the_simulated_version_is_the_one_that_the_sdk_pins() -> None:
    assert stripe.api_version == API_VERSION


def test_an_answer_of_another_shape_would_be_noticed() -> None:
    refund = {"id": "re_1", "object": "refund", "amount": "5", "currency": "usd", "status": None, "colour": "red"}
    assert faults({**refund, "reason": "because"}, stripe.Refund) == [
        "/colour: Refund does not know it",
        "/amount: '5' is no <class 'int'>",
        "/created: missing",
        "/reason: 'because' is none of the words for it",
    ]


async def test_the_account_of_the_key(sdk: StripeClient) -> None:
    check(await sdk.v1.accounts.retrieve_current_async(), stripe.Account)


async def test_customers(sdk: StripeClient) -> None:
    made = await sdk.v1.customers.create_async(
        {"name": "Ada", "email": "ada@example.com", "metadata": {"a": "b"}, "address": {"city": "London"}}
    )
    check(made, stripe.Customer)
    check(await sdk.v1.customers.retrieve_async(made.id), stripe.Customer)
    check(await sdk.v1.customers.update_async(made.id, {"name": "Ada L.", "metadata": ""}), stripe.Customer)
    listed = await sdk.v1.customers.list_async({"limit": 1})
    assert faults(wire(listed), stripe.ListObject[stripe.Customer]) == []
    gone = await sdk.v1.customers.delete_async(made.id)
    check(gone, stripe.Customer)
    assert gone.deleted is True
    assert (await sdk.v1.customers.retrieve_async(made.id)).deleted is True


async def test_payment_methods(sdk: StripeClient) -> None:
    customer = await sdk.v1.customers.create_async({})
    card = await sdk.v1.payment_methods.create_async(
        {"type": "card", "card": {"number": "4242424242424242", "exp_month": 8, "exp_year": 2030, "cvc": "123"}}
    )
    check(card, stripe.PaymentMethod)
    check(await sdk.v1.payment_methods.attach_async(card.id, {"customer": customer.id}), stripe.PaymentMethod)
    check(await sdk.v1.payment_methods.retrieve_async("pm_card_visa"), stripe.PaymentMethod)
    for listed in (
        await sdk.v1.payment_methods.list_async({"customer": customer.id, "type": "card"}),
        await sdk.v1.customers.payment_methods.list_async(customer.id),
    ):
        assert [each.id for each in listed.data] == [card.id]
        assert faults(wire(listed), stripe.ListObject[stripe.PaymentMethod]) == []
    check(await sdk.v1.payment_methods.detach_async(card.id), stripe.PaymentMethod)


async def test_payment_intents_in_every_status(sdk: StripeClient, api: Api) -> None:
    bare = await sdk.v1.payment_intents.create_async({"amount": 2000, "currency": "usd"})
    ready = await sdk.v1.payment_intents.create_async(paid(confirm=False))
    held = await sdk.v1.payment_intents.create_async(paid(capture_method="manual"))
    asked = await sdk.v1.payment_intents.create_async(paid(**ASKS, return_url="https://shop.example/"))
    scripted = await sdk.v1.payment_intents.create_async(paid(**ASKS))
    made = [bare, ready, held, asked, scripted, await sdk.v1.payment_intents.create_async(PAID)]
    made.append(await sdk.v1.payment_intents.confirm_async(ready.id, {}))
    made.append(await sdk.v1.payment_intents.capture_async(held.id, {"amount_to_capture": 1500}))
    made.append(await sdk.v1.payment_intents.cancel_async(bare.id, {"cancellation_reason": "duplicate"}))
    api.control("PUT", "/outcomes", {"confirmations": "processing"})
    made.append(await sdk.v1.payment_intents.create_async(PAID))
    for intent in made:
        check(intent, stripe.PaymentIntent)
    assert [intent.status for intent in made] == [
        "requires_payment_method", "requires_confirmation", "requires_capture", "requires_action", "requires_action",
        "succeeded", "succeeded", "succeeded", "canceled", "processing",
    ]  # fmt: skip
    listed = await sdk.v1.payment_intents.list_async({"limit": 100, "created": {"gte": 1}})
    assert faults(wire(listed), stripe.ListObject[stripe.PaymentIntent]) == []


async def test_declines_and_what_they_leave(sdk: StripeClient) -> None:
    with pytest.raises(stripe.CardError) as declined:
        await sdk.v1.payment_intents.create_async(paid(payment_method="pm_card_chargeDeclinedInsufficientFunds"))
    error = declined.value
    assert (error.http_status, error.code, error.error and error.error.decline_code) == (
        402, "card_declined", "insufficient_funds",
    )  # fmt: skip
    body = json.loads(error.http_body or "")
    assert faults(body["error"], stripe.ErrorObject) == []
    intent = await sdk.v1.payment_intents.retrieve_async(body["error"]["payment_intent"]["id"])
    check(intent, stripe.PaymentIntent)
    assert isinstance(intent.latest_charge, str)
    check(await sdk.v1.charges.retrieve_async(intent.latest_charge), stripe.Charge)


async def test_charges_and_refunds(sdk: StripeClient, api: Api) -> None:
    intent = await sdk.v1.payment_intents.create_async(paid(expand=["latest_charge.refunds", "payment_method"]))
    check(intent, stripe.PaymentIntent)
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert isinstance(intent.payment_method, stripe.PaymentMethod)
    made = await sdk.v1.refunds.create_async({"payment_intent": intent.id, "amount": 500, "reason": "duplicate"})
    check(made, stripe.Refund)
    api.control("PUT", "/outcomes", {"refunds": "pending"})
    pending = await sdk.v1.refunds.create_async({"charge": intent.latest_charge.id, "amount": 500})
    check(pending, stripe.Refund)
    api.control("POST", f"/refunds/{pending.id}/settle", {"status": "failed"})
    failed = await sdk.v1.refunds.retrieve_async(pending.id, {"expand": ["charge", "payment_intent"]})
    check(failed, stripe.Refund)
    assert (pending.status, failed.status, failed.failure_reason) == (
        "pending", "failed", "expired_or_canceled_card",
    )  # fmt: skip
    check(await sdk.v1.refunds.update_async(made.id, {"metadata": {"a": "b"}}), stripe.Refund)
    refunds = await sdk.v1.refunds.list_async({"payment_intent": intent.id})
    assert faults(wire(refunds), stripe.ListObject[stripe.Refund]) == []
    charges = await sdk.v1.charges.list_async({"payment_intent": intent.id, "expand": ["data.refunds"]})
    assert faults(wire(charges), stripe.ListObject[stripe.Charge]) == []


async def test_checkout_sessions(sdk: StripeClient, api: Api) -> None:
    made = await sdk.v1.checkout.sessions.create_async(opened(expand=["line_items"]))
    check(made, Session)
    assert made.url is not None
    api.press(made.url, "pay", card="4242424242424242", email="ada@example.com")
    whole = await sdk.v1.checkout.sessions.retrieve_async(made.id, {"expand": ["payment_intent.latest_charge"]})
    check(whole, Session)
    assert isinstance(whole.payment_intent, stripe.PaymentIntent)
    other = await sdk.v1.checkout.sessions.create_async(SESSION)
    check(await sdk.v1.checkout.sessions.expire_async(other.id), Session)
    listed = await sdk.v1.checkout.sessions.list_async({"status": "complete"})
    assert faults(wire(listed), stripe.ListObject[Session]) == []
    lines = await sdk.v1.checkout.sessions.line_items.list_async(made.id)
    assert faults(wire(lines), stripe.ListObject[stripe.LineItem]) == []
    assert [(line.amount_total, line.quantity) for line in lines.data] == [(1998, 2)]


async def test_events_and_the_things_in_them(sdk: StripeClient, api: Api) -> None:
    customer = api.make("customers", {"name": "Ada"})["id"]
    api.make("payment_methods/pm_card_visa/attach", {"customer": customer})
    charge = api.make("refunds", {"payment_intent": api.paid()["id"], "amount": 5})["charge"]
    api.post("payment_intents", {**PAID, "confirm": "true", "payment_method": "pm_card_chargeDeclined"})
    session = api.make("checkout/sessions", SESSION)
    api.press(session["url"], "pay", card="4242424242424242")
    api.control("PUT", "/outcomes", {"refunds": "pending"})
    refund = api.make("refunds", {"charge": charge})
    api.control("POST", f"/refunds/{refund['id']}/settle", {"status": "failed"})
    listed = await sdk.v1.events.list_async({"limit": 100})
    assert faults(wire(listed), stripe.ListObject[stripe.Event]) == []
    for event in wire(listed)["data"]:
        thing = event["data"]["object"]
        assert faults(thing, CLASSES[thing["object"]], event["type"]) == []
    assert len({event.type for event in listed.data}) >= 13
    check(await sdk.v1.events.retrieve_async(listed.data[0].id), stripe.Event)
