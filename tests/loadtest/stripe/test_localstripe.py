"""
A second opinion: the same story told to `localstripe`, where it is right (GPL: a process of its own, nothing of ours).

It runs where GATEWAY_LOCALSTRIPE names its command. Compared are customers, payment methods, intents with manual
capture and 3-D Secure, charges, refunds within bounds, and events; what it does otherwise than Stripe does is left out.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.loadtest.client import Answer
from tests.loadtest.stripe.api import CARD_ONLY, Api
from tests.loadtest.stripe.localstripe import ABSENT, COMMAND, localstripe_running

VISA, DECLINES, ASKS = "4242424242424242", "4000000000000341", "4000002500003155"
NOT_KEPT = "4000000000000002"
WISH = {"amount": 2000, "currency": "usd"}
# What it shows in an older form, or of its own making.
OLDER = {"sources", "tax_ids", "subscriptions", "charges", "refunds", "latest_charge", "balance_transaction", "url"}
OLDER |= {"currency", "account_balance", "business_vat_id", "invoice", "date", "use_stripe_sdk", "last_payment_error"}

pytestmark = pytest.mark.skipif(not COMMAND, reason=ABSENT)


@dataclass
class Story:
    """What one of the two answered, step by step: the status, the facts that matter, the whole."""

    api: Api
    authenticate: Callable[[Api, Any, bool], None]
    alone: dict[str, Any]  # what only this one must be told of an intent
    told: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    bodies: dict[str, Any] = field(default_factory=dict)

    def step(self, name: str, answer: Answer, *facts: str) -> Any:
        body = answer.json
        self.bodies[name] = body
        self.told[name] = (answer.status, {fact: body.get(fact) for fact in facts} if answer.status == 200 else {})
        return body


def card(story: Story, number: str) -> Any:
    typed = {"number": number, "exp_month": 12, "exp_year": 2030, "cvc": "123"}
    wish = {"type": "card", "card": typed}
    return story.step(
        f"card {number}", story.api.post("payment_methods", wish), "object", "type", "customer", "metadata"
    )


def intent(story: Story, name: str, number: str, **params: Any) -> Any:
    wish = {**WISH, "payment_method": card(story, number)["id"], **story.alone, **params}
    return story.step(name, story.api.post("payment_intents", wish), "object", "amount", "status", "capture_method")


def act(story: Story, name: str, of: Any, action: str, **params: Any) -> Any:
    return story.step(name, story.api.post(f"payment_intents/{of['id']}/{action}", params), "status", "amount")


def look(story: Story, name: str, of: Any) -> Any:
    return story.step(name, story.api.get(f"payment_intents/{of['id']}"), "status", "amount", "currency")


def customers(story: Story) -> None:
    api, facts = story.api, ("object", "name", "email", "metadata", "description", "delinquent", "livemode")
    made = story.step("made", api.post("customers", {"name": "A", "email": "a@b.c", "metadata": {"x": "y"}}), *facts)
    story.step("seen", api.get(f"customers/{made['id']}"), *facts)
    story.step("changed", api.post(f"customers/{made['id']}", {"description": "d"}), *facts)
    story.step("listed", api.get("customers", {"email": "a@b.c"}), "object", "has_more")
    method = card(story, VISA)
    story.step("kept", api.post(f"payment_methods/{method['id']}/attach", {"customer": made["id"]}), "type")
    story.step("cards", api.get("payment_methods", {"customer": made["id"], "type": "card"}), "object", "has_more")
    story.step("let go", api.post(f"payment_methods/{method['id']}/detach"), "customer")
    declined = card(story, NOT_KEPT)
    story.step("not kept", api.post(f"payment_methods/{declined['id']}/attach", {"customer": made["id"]}))
    story.step("deleted", api.delete(f"customers/{made['id']}"), "object", "deleted")
    story.step("none", api.get("customers/cus_none"))


def intents(story: Story) -> None:
    bare = story.step("bare", story.api.post("payment_intents", WISH), "status", "amount", "payment_method")
    act(story, "bare cancelled", bare, "cancel")
    act(story, "cancelled twice", bare, "cancel")
    paid = intent(story, "ready", VISA)
    act(story, "paid", paid, "confirm")
    act(story, "paid twice", paid, "confirm")
    act(story, "paid and cancelled", paid, "cancel")
    held = intent(story, "held", VISA, capture_method="manual", confirm="true")
    act(story, "captured", held, "capture")
    act(story, "captured twice", held, "capture")
    act(story, "held and cancelled", intent(story, "held too", VISA, capture_method="manual", confirm="true"), "cancel")
    for name, passed in (("proved", True), ("not proved", False)):
        asked = intent(story, f"asked, {name}", ASKS, confirm="true")
        story.authenticate(story.api, asked, passed)
        look(story, name, asked)
    intent(story, "declined", DECLINES, confirm="true")
    story.step("no amount", story.api.post("payment_intents", {"currency": "usd"}))
    story.step("no number", story.api.post("payment_intents", {"currency": "usd", "amount": "many"}))
    story.step("nobody", story.api.get("payment_intents/pi_none"))
    story.step("without a key", story.api.get("payment_intents", None, Authorization="Bearer nothing"))


def refunds(story: Story) -> None:
    api = story.api
    paid = intent(story, "paid", VISA, confirm="true")
    latest = paid["latest_charge"]
    charge = latest if isinstance(latest, str) else latest["id"]
    facts = ("object", "amount", "amount_refunded", "refunded", "captured", "paid", "status", "failure_code")
    story.step("charge", api.get(f"charges/{charge}"), *facts)
    part = story.step("part", api.post("refunds", {"payment_intent": paid["id"], "amount": 500}), "amount", "status")
    story.step("charge after it", api.get(f"charges/{charge}"), *facts)
    story.step("rest", api.post("refunds", {"charge": charge, "amount": 1500}), "amount", "status", "currency")
    story.step("charge at last", api.get(f"charges/{charge}"), *facts)
    story.step("seen", api.get(f"refunds/{part['id']}"), "amount", "status", "currency", "metadata")
    listed = story.step("listed", api.get("refunds", {"charge": charge}), "object", "has_more")
    story.told["sum"] = (200, {"sum": sum(refund["amount"] for refund in listed["data"])})
    story.step("nothing", api.post("refunds", {"charge": charge, "amount": 0}))
    story.step("of nothing", api.post("refunds", {}))


def events(story: Story) -> None:
    story.api.post("customers", {"name": "Eve"})
    intent(story, "paid", VISA, confirm="true")
    listed = story.step("listed", story.api.get("events", {"limit": 100}), "object", "has_more")
    of_both = {"customer.created", "payment_intent.succeeded"}
    newest = {event["type"]: event for event in reversed(listed["data"]) if event["type"] in of_both}
    for kind, event in sorted(newest.items()):
        story.told[kind] = (200, {"object": event["object"], "of": event["data"]["object"]["object"]})


@pytest.fixture(scope="module")
def other() -> Iterator[Api]:
    with localstripe_running() as api:
        yield api


def _on_our_page(api: Api, asked: Any, passed: bool) -> None:
    api.press(f"/stripe/authenticate/{asked['id']}", "complete" if passed else "fail")


def _by_their_route(api: Api, asked: Any, passed: bool) -> None:
    told = {"client_secret": asked["client_secret"], "success": str(passed).lower()}
    api.post(f"payment_intents/{asked['id']}/_authenticate", told)


def strangers(ours: Any, theirs: Any, place: str = "") -> list[str]:
    """Where a field of both is of two types. What is null on one side says nothing."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        both = (ours.keys() & theirs.keys()) - OLDER
        return [fault for name in both for fault in strangers(ours[name], theirs[name], f"{place}/{name}")]
    if ours is None or theirs is None or type(ours) is type(theirs):
        return []
    return [f"{place}: {type(ours).__name__}, {type(theirs).__name__}"]


@pytest.mark.parametrize("tell", [customers, intents, refunds, events], ids=lambda tell: tell.__name__)
def test_both_answer_alike(api: Api, other: Api, tell: Callable[[Story], None]) -> None:
    mine, theirs = Story(api, _on_our_page, CARD_ONLY), Story(other, _by_their_route, {})
    tell(mine)
    tell(theirs)
    assert mine.told == theirs.told
    assert [fault for name, body in mine.bodies.items() for fault in strangers(body, theirs.bodies[name], name)] == []
