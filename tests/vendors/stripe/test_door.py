"""The door to Stripe: what it sends, under which key, and what it makes of the answers."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from domain.errors import NotNow, OutcomeUnknown
from domain.money import Money
from domain.outcomes import Failed, Retry
from tests.vendors.scripted import hang_up, stay_silent
from tests.vendors.stripe.stripe_words import (
    CALL,
    JOB,
    MADE,
    MARKS,
    answer,
    briefly,
    charge,
    customer,
    error,
    form,
    intent,
    page,
    refund,
    session,
    settings_at,
    stripe_says,
)
from vendors.http import VendorHttp
from vendors.stripe.asking import ask
from vendors.stripe.client import StripeDoor
from vendors.stripe.transport import GatewayClient
from vendors.stripe.wire import CustomerWire, read_object
from vendors.stripe.words import CustomerAsked, IntentAsked, Reason, RefundAsked, SessionAsked, session_end

USD = Money(amount=2000, currency="USD")
SESSION = SessionAsked(USD, "A teapot", "https://shop.test/ok", "https://shop.test/no")
INTENT = IntentAsked(USD, "pm_card_visa", "https://shop.test/back")
REFUND = RefundAsked("pi_1", Money(amount=500, currency="USD"), Reason.REQUESTED, {"refund": "r-1"})
CUSTOMER = CustomerAsked("Ada", "ada@example.com")
KEY = f"{JOB}:call:1"


async def test_a_customer_is_made_under_our_key_and_the_pinned_version() -> None:
    async with stripe_says(answer(customer())) as scene:
        made = await scene.door.create_customer(CUSTOMER, CALL)
    [request] = scene.stripe.received
    assert scene.lines == ["POST /v1/customers"]
    assert request.headers["idempotency-key"] == KEY
    assert request.headers["stripe-version"] == "2026-10-28.endive"
    assert request.headers["authorization"] == "Bearer sk_test_simulated"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert form(request) == {
        "name": "Ada",
        "email": "ada@example.com",
        "metadata[job]": str(JOB),
        "metadata[generation]": "1",
    }
    assert not isinstance(made, Retry | Failed)
    assert (made.id, made.name, made.email, made.livemode) == ("cus_1", "Ada", "ada@example.com", False)


async def test_a_session_is_asked_for_to_the_letter_and_marks_its_intent_too() -> None:
    opened = session(status="open", payment_status="unpaid", payment_intent=None, url="https://checkout.test/c")
    asked = SessionAsked(
        USD,
        "A teapot",
        "https://shop.test/ok",
        "https://shop.test/no",
        datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
        "order-7",
        metadata={"order": "7"},
    )
    async with stripe_says(answer(opened)) as scene:
        made = await scene.door.create_session(asked, CALL)
    assert form(scene.stripe.received[0]) == {
        "mode": "payment",
        "line_items[0][price_data][currency]": "usd",
        "line_items[0][price_data][unit_amount]": "2000",
        "line_items[0][price_data][product_data][name]": "A teapot",
        "line_items[0][quantity]": "1",
        "success_url": "https://shop.test/ok",
        "cancel_url": "https://shop.test/no",
        "client_reference_id": "order-7",
        "expires_at": "1795253400",
        **{f"metadata[{name}]": value for name, value in {"order": "7", **MARKS}.items()},
        **{f"payment_intent_data[metadata][{name}]": value for name, value in {"order": "7", **MARKS}.items()},
    }
    assert not isinstance(made, Retry | Failed)
    assert (made.url, made.status, made.money, made.intent) == ("https://checkout.test/c", "open", USD, None)


async def test_an_intent_is_confirmed_at_once_and_a_refund_says_its_amount() -> None:
    async with stripe_says(answer(intent()), answer(refund(metadata={"refund": "r-1"}))) as scene:
        paid = await scene.door.create_intent(INTENT, CALL)
        back = await scene.door.create_refund(REFUND, CALL)
    first, second = (form(request) for request in scene.stripe.received)
    assert first == {
        "amount": "2000",
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "confirm": "true",
        "return_url": "https://shop.test/back",
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "always",
        "expand[0]": "latest_charge",
        "metadata[job]": str(JOB),
        "metadata[generation]": "1",
    }
    assert second == {
        "payment_intent": "pi_1",
        "amount": "500",
        "reason": "requested_by_customer",
        "metadata[refund]": "r-1",
        "metadata[job]": str(JOB),
        "metadata[generation]": "1",
    }
    assert not isinstance(paid, Retry | Failed)
    assert not isinstance(back, Retry | Failed)
    assert paid.charge is not None
    assert (paid.status, paid.received, paid.charge.captured) == ("succeeded", USD, USD)
    assert (back.money.amount, back.status, back.metadata["refund"]) == (500, "succeeded", "r-1")


ALL = {
    "create_customer": (CUSTOMER, customer()),
    "create_session": (SESSION, session()),
    "expire_session": ("cs_1", session()),
    "create_intent": (INTENT, intent()),
    "cancel_intent": ("pi_1", intent()),
    "create_refund": (REFUND, refund()),
    "retrieve_session": ("cs_1", session()),
    "retrieve_intent": ("pi_1", intent()),
    "retrieve_refund": ("re_1", refund()),
    "list_refunds": ("pi_1", page(refund())),
}
MOVES = [name for name in ALL if name.startswith(("create", "expire", "cancel"))]
QUESTIONS = [name for name in ALL if name not in MOVES]


async def do(door: StripeDoor, name: str) -> Any:
    return await getattr(door, name)(ALL[name][0], CALL)


@pytest.mark.parametrize("name", MOVES)
async def test_whatever_changes_anything_goes_under_our_key_and_once(name: str) -> None:
    async with stripe_says(answer(error(), 500)) as scene:
        with pytest.raises(OutcomeUnknown):
            await do(scene.door, name)
    assert [request.headers["idempotency-key"] for request in scene.stripe.received] == [KEY]
    assert scene.lines[0].startswith("POST ")


@pytest.mark.parametrize("name", QUESTIONS)
async def test_a_question_goes_without_a_key_and_its_trouble_is_never_unknown(name: str) -> None:
    async with stripe_says(answer(error(), 500), hang_up, answer(b"{}"), answer(ALL[name][1])) as scene:
        troubles = [await do(scene.door, name) for _ in range(3)]
        assert not isinstance(await do(scene.door, name), Retry | Failed)
    assert all(isinstance(trouble, Retry) for trouble in troubles)
    assert all("idempotency-key" not in request.headers for request in scene.stripe.received)
    assert all(line.startswith("GET ") for line in scene.lines)


async def test_what_is_retrieved_comes_with_what_hangs_on_it() -> None:
    async with stripe_says(answer(session()), answer(intent())) as scene:
        paid = await scene.door.retrieve_session("cs_1", CALL)
        await scene.door.retrieve_intent("pi_1", CALL)
    assert scene.lines == [
        "GET /v1/checkout/sessions/cs_1?expand[0]=payment_intent.latest_charge",
        "GET /v1/payment_intents/pi_1?expand[0]=latest_charge",
    ]
    assert not isinstance(paid, Retry | Failed)
    assert paid.intent is not None
    assert paid.intent.charge is not None
    assert (paid.intent_id, paid.intent.charge_id, paid.created_at.timestamp()) == ("pi_1", "ch_1", MADE)


async def test_the_text_is_what_the_sdk_itself_would_give() -> None:
    whole = customer(address=None, balance=-12345678901234567890, note="", list=[{"object": "card", "x": []}, 1.5])
    async with stripe_says(answer(whole)) as scene:
        made = await scene.door.create_customer(CUSTOMER, CALL)
    assert not isinstance(made, Retry | Failed)
    loaded = stripe.Customer.construct_from(whole, "sk_test_x")
    assert json.loads(made.text) == loaded.to_dict(for_json=True) == whole


async def test_a_change_that_the_sdk_would_key_by_chance_never_leaves() -> None:
    async with stripe_says(answer(customer())) as scene:
        customers = scene.door._v1.customers
        unkeyed = await ask(lambda: customers.create_async({}), lambda body: body, CALL, moves=True)
        as_question = await ask(lambda: customers.create_async({}), lambda body: body, CALL, moves=False)
    assert isinstance(unkeyed, Failed)
    assert isinstance(as_question, Failed)
    assert (unkeyed.code, as_question.code, scene.stripe.received) == ("request_unsendable", "request_unsendable", [])


async def test_nothing_is_told_of_this_machine_and_no_file_is_written(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    async with stripe_says(answer(customer())) as scene:
        for _ in range(2):
            await scene.door.create_customer(CUSTOMER, CALL)
    for request in scene.stripe.received:
        assert "x-stripe-client-telemetry" not in request.headers
        assert not {"telemetry_id", "platform"} & json.loads(request.headers["x-stripe-client-user-agent"]).keys()
    assert list(tmp_path.iterdir()) == []


async def test_a_notice_of_stripes_breaks_no_call_that_was_made() -> None:
    async with stripe_says(answer(customer(), Stripe_Notice="a notice")) as scene:
        assert not isinstance(await scene.door.create_customer(CUSTOMER, CALL), Retry | Failed)


async def test_refused_before_anything_was_sent_is_tried_again() -> None:
    async with VendorHttp() as http:
        outcome = await StripeDoor(settings_at(), http).create_intent(INTENT, CALL)
    assert isinstance(outcome, Retry)
    assert (outcome.code, outcome.closes_vendor) == ("vendor_unreachable", False)


@pytest.mark.parametrize("trouble", [hang_up, stay_silent], ids=["broken", "too late"])
async def test_cut_off_after_it_was_sent_nobody_knows(trouble: Any) -> None:
    async with stripe_says(trouble) as scene:
        with pytest.raises(OutcomeUnknown):
            await scene.door.create_intent(INTENT, briefly(0.3))


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"null", b'{"object": "payment_intent"}', b'{"id": 1}', b"\xff", b'{"error": []}'],
)
async def test_a_yes_that_cannot_be_read_is_unknown(body: bytes) -> None:
    async with stripe_says(answer(body)) as scene:
        with pytest.raises(OutcomeUnknown):
            await scene.door.create_intent(INTENT, CALL)


@pytest.mark.parametrize("wrong", [{"amount": 20.0}, {"amount": "2000"}, {"amount": -1}, {"currency": "xyz"}])
async def test_money_that_is_none_is_unreadable(wrong: dict[str, Any]) -> None:
    async with stripe_says(answer(intent(**wrong))) as scene:
        assert isinstance(await scene.door.retrieve_intent("pi_1", CALL), Retry)


async def test_what_stripe_cannot_charge_exactly_is_refused_before_anything_is_sent() -> None:
    odd = Money(amount=5124, currency="BHD")
    async with stripe_says() as scene:
        outcomes = [
            await scene.door.create_session(SessionAsked(odd, "A teapot", "https://a.test", "https://b.test"), CALL),
            await scene.door.create_intent(IntentAsked(odd, "pm_card_visa", "https://a.test"), CALL),
            await scene.door.create_refund(RefundAsked("pi_1", odd), CALL),
        ]
    codes = {outcome.code for outcome in outcomes if isinstance(outcome, Failed)}
    assert (codes, scene.stripe.received) == ({"amount_not_chargeable"}, [])


async def test_a_gate_that_does_not_open_lets_nothing_leave() -> None:
    async def shut() -> None:
        raise NotNow("held back", until=datetime.now(UTC))

    async with stripe_says() as scene:
        with pytest.raises(NotNow):
            await scene.door.create_intent(INTENT, type(CALL)(JOB, "{}", timedelta(seconds=5), gate=shut))
    assert scene.stripe.received == []


async def test_the_client_closes_nothing_that_is_not_its_own() -> None:
    async with VendorHttp() as http:
        await GatewayClient(http).close_async()


def test_the_end_of_a_session_hangs_on_what_is_on_record_alone() -> None:
    begun = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    assert session_end(begun, None) is None
    assert session_end(begun, begun + timedelta(minutes=5)) == begun + timedelta(minutes=32)
    assert session_end(begun, begun + timedelta(hours=2)) == begun + timedelta(hours=2)
    assert session_end(begun, begun + timedelta(days=2)) == begun + timedelta(hours=23, minutes=58)


def test_an_object_of_another_kind_is_not_read_as_this_one() -> None:
    with pytest.raises(Exception, match="not what its API promises"):
        read_object(json.dumps(charge()).encode(), CustomerWire)
