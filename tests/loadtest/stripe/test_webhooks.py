"""How the simulated Stripe tells: signed as the SDK checks it, until it is taken, and badly on command."""

import json
from typing import Any

import pytest
import stripe

from tests.loadtest.receiver import Received, Receiver
from tests.loadtest.stripe.api import PAID, Api, error
from tests.loadtest.stripe.conftest import HOOK_SECRET


def kinds(received: list[Received]) -> list[str]:
    return [each.json["type"] for each in received]


def verified(received: Received, tolerance: int = 300) -> stripe.Event:
    header = received.headers.get("stripe-signature")
    event: stripe.Event = stripe.Webhook.construct_event(received.body, header, HOOK_SECRET, tolerance)
    return event


def plan(api: Api, *plans: dict[str, Any]) -> None:
    api.control("PUT", "/webhooks/plans", list(plans))


def test_each_event_comes_signed_and_as_it_is_listed(api: Api, receiver: Receiver) -> None:
    intent = api.paid(metadata={"job": "j1"})
    received = receiver.wait_for(3)
    assert sorted(kinds(received)) == ["charge.succeeded", "payment_intent.created", "payment_intent.succeeded"]
    for each in received:
        event = verified(each)
        listed = api.get(f"events/{event.id}").json
        assert listed["data"] == each.json["data"]
        assert (each.json["api_version"], each.json["pending_webhooks"]) == (stripe.api_version, 1)
    subject = next(each.json for each in received if each.json["type"] == "payment_intent.succeeded")
    assert subject["data"]["object"]["id"] == intent["id"]


def test_an_event_tells_which_call_brought_it_about(api: Api, receiver: Receiver) -> None:
    answer = api.post("customers", {"name": "Ada"}, "k1")
    [event] = [each.json for each in receiver.wait_for(1)]
    assert event["request"] == {"id": answer.headers["request-id"], "idempotency_key": "k1"}


def test_an_event_shows_the_thing_as_it_was_then(api: Api) -> None:
    intent = api.make("payment_intents", {**PAID, "confirm": "false"})
    api.make(f"payment_intents/{intent['id']}/confirm")
    [made] = api.events("payment_intent.created")
    assert made["data"]["object"]["status"] == "requires_confirmation"


@pytest.mark.parametrize("status", [302, 400, 503])
def test_an_event_that_is_not_taken_comes_again_newly_signed(api: Api, receiver: Receiver, status: int) -> None:
    receiver.answers.extend([status, status])
    api.make("customers", {"name": "Ada"})
    received = receiver.wait_for(3)
    assert len({verified(each).id for each in received}) == 1
    while api.events()[0]["pending_webhooks"]:
        pass
    deliveries = api.vendors.ask("GET", "/control/webhooks?vendor=stripe").json["deliveries"]
    tries = [each for each in deliveries if each["event"] == received[0].json["id"]]
    assert [(each["answered"], each["say"]) for each in tries] == [
        (status, "customer.created"), (status, "customer.created"), (202, "customer.created"),
    ]  # fmt: skip


def test_a_repeated_key_is_no_second_event(api: Api, receiver: Receiver) -> None:
    for _ in range(2):
        api.make("customers", {"name": "Ada"}, "k1")
    api.make("customers", {"name": "Eve"})
    assert [each.json["data"]["object"]["name"] for each in receiver.wait_for(2)] == ["Ada", "Eve"]


def test_events_come_twice_or_never_on_command(api: Api, receiver: Receiver) -> None:
    plan(api, {"types": ["payment_intent.created", "charge.*"], "never": True}, {"times": 2})
    api.paid()
    received = receiver.wait_for(2)
    assert kinds(received) == ["payment_intent.succeeded"] * 2
    assert len({each.json["id"] for each in received}) == 1
    assert len(api.events()) == 3


def test_events_come_out_of_order_on_command(api: Api, receiver: Receiver) -> None:
    late = {"types": ["payment_intent.created"], "after": 0.3}
    plan(api, {"types": ["payment_intent.succeeded"], "early": True}, {"types": ["charge.*"], "never": True}, late)
    api.paid()
    assert kinds(receiver.wait_for(2)) == ["payment_intent.succeeded", "payment_intent.created"]


def test_an_early_event_is_there_before_the_answer(api: Api, receiver: Receiver) -> None:
    plan(api, {"types": ["customer.created"], "early": True})
    api.make("customers", {"name": "Ada"})
    assert kinds(receiver.received) == ["customer.created"]


@pytest.mark.parametrize(
    "fault", [{"signature": "forged"}, {"signature": "none"}, {"timestamp": -400}, {"timestamp": "soon"}]
)
def test_a_forged_or_old_event_is_none_to_the_sdk(api: Api, receiver: Receiver, fault: dict[str, Any]) -> None:
    plan(api, {**fault, "events": 1})
    api.make("customers", {"name": "Ada"})
    api.make("customers", {"name": "Eve"})
    bad, good = sorted(receiver.wait_for(2), key=lambda each: each.json["data"]["object"]["name"])
    with pytest.raises(stripe.SignatureVerificationError):
        verified(bad)
    assert verified(good).type == "customer.created"


def test_an_event_of_the_future_can_be_had(api: Api, receiver: Receiver) -> None:
    plan(api, {"timestamp": 4000})
    api.make("customers", {"name": "Ada"})
    [received] = receiver.wait_for(1)
    moment = int(received.headers["stripe-signature"].split(",")[0].removeprefix("t="))
    assert moment > received.json["created"] + 3000


def test_an_event_can_be_sent_again_and_with_another_body(api: Api, receiver: Receiver) -> None:
    api.make("customers", {"name": "Ada"})
    [first] = receiver.wait_for(1)
    api.control("POST", f"/events/{first.json['id']}/send", {"at_once": 2})
    assert len({each.json["id"] for each in receiver.wait_for(3)}) == 1
    lie = json.dumps({**first.json, "type": "payment_intent.succeeded"})
    api.control("POST", f"/events/{first.json['id']}/send", {"body": lie})
    assert verified(receiver.wait_for(4)[-1]).type == "payment_intent.succeeded"


def test_an_endpoint_hears_of_what_it_asked_for_with_its_own_secret(api: Api, receiver: Receiver) -> None:
    endpoints = [
        {"url": receiver.url, "secret": HOOK_SECRET, "events": ["charge.*"]},
        {"url": receiver.url, "secret": "whsec_another", "events": ["payment_intent.succeeded"]},
    ]
    api.control("PUT", "/webhooks", endpoints)
    api.paid()
    charged, paid = sorted(receiver.wait_for(2), key=lambda each: str(each.json["type"]))
    assert verified(charged).type == "charge.succeeded"
    with pytest.raises(stripe.SignatureVerificationError):
        verified(paid)


def test_events_are_listed_by_type_and_by_whether_they_were_taken(api: Api) -> None:
    api.paid()
    assert [event["type"] for event in api.events("charge.*")] == ["charge.succeeded"]
    assert len(api.get("events", {"type": "payment_intent.*"}).json["data"]) == 2
    assert api.get("events", {"delivery_success": "false"}).json["data"] == []
    assert api.post("events", {}).status == 404
    assert error(api.get("events/evt_none"), 404)["code"] == "resource_missing"
