"""Checkout Sessions of the simulated Stripe: a page that is paid once, or cancelled, or too late."""

import time
from typing import Any

import pytest

from tests.loadtest.stripe.api import Api, error

SHOP = "https://shop.example"
LINE = {"price_data": {"currency": "usd", "unit_amount": 999, "product_data": {"name": "Tea <b>"}}, "quantity": 2}
WISH: dict[str, Any] = {
    "mode": "payment",
    "line_items": [LINE],
    "success_url": f"{SHOP}/paid?session={{CHECKOUT_SESSION_ID}}",
    "cancel_url": f"{SHOP}/cart",
    "metadata": {"order": "1"},
    "payment_intent_data": {"metadata": {"payment": "p"}},
}


def opened(api: Api, **params: Any) -> Any:
    return api.make("checkout/sessions", {**WISH, **params})


def seen(api: Api, session: Any) -> Any:
    return api.get(f"checkout/sessions/{session['id']}").json


def test_a_buyer_pays_on_the_page_and_is_sent_to_the_shop(api: Api) -> None:
    session = opened(api)
    assert (session["amount_total"], session["status"], session["payment_status"]) == (1998, "open", "unpaid")
    assert (session["payment_intent"], session["url"]) == (
        None,
        f"{session['url'].split('/pay/')[0]}/pay/{session['id']}",
    )
    page = api.vendors.ask("GET", f"/stripe/pay/{session['id']}")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"19.98 USD" in page.body
    assert b"Tea &lt;b&gt;" in page.body
    assert b'id="pay"' in page.body
    answer = api.press(session["url"], "pay", card="4242 4242 4242 4242", email="ada@example.com")
    assert (answer.status, answer.headers["location"]) == (303, f"{SHOP}/paid?session={session['id']}")
    paid = seen(api, session)
    assert (paid["status"], paid["payment_status"], paid["url"]) == ("complete", "paid", None)
    assert paid["customer_details"]["email"] == "ada@example.com"
    intent = api.get(f"payment_intents/{paid['payment_intent']}").json
    assert (intent["status"], intent["amount_received"], intent["metadata"]) == ("succeeded", 1998, {"payment": "p"})
    told = [event["type"] for event in reversed(api.events())]
    assert told == [
        "payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "checkout.session.completed",
    ]  # fmt: skip
    assert api.totals("?order=1")["charged"] == {"usd": 1998}


def test_a_page_is_paid_once_however_often_the_button_is_pressed(api: Api) -> None:
    session = opened(api)
    for _ in range(3):
        assert api.press(session["url"], "pay", card="4242424242424242").status == 303
    assert (api.totals()["charged"], api.totals()["charges"]) == ({"usd": 1998}, 1)


def test_a_declined_card_is_told_on_the_page_and_another_may_be_tried(api: Api) -> None:
    session = opened(api)
    answer = api.press(session["url"], "pay", card="4000000000000002")
    assert (answer.status, b"Your card was declined." in answer.body) == (402, True)
    assert api.press(session["url"], "pay", card="4242424242424241").status == 402
    assert seen(api, session)["status"] == "open"
    api.press(session["url"], "pay", card="4242424242424242")
    assert api.totals()["charged"] == {"usd": 1998}
    assert api.totals()["statuses"] == {"succeeded": 1}


@pytest.mark.parametrize(
    ("button", "status", "charged"), [("complete", "complete", {"usd": 1998}), ("fail", "open", {})]
)
def test_a_buyer_may_be_asked_who_they_are_in_between(
    api: Api, button: str, status: str, charged: dict[str, int]
) -> None:
    session = opened(api)
    bank = api.press(session["url"], "pay", card="4000002500003155").headers["location"]
    assert "/stripe/authenticate/" in bank
    back = api.press(bank, button).headers["location"]
    assert f"/stripe/pay/{session['id']}/return" in back
    shown = api.vendors.ask("GET", f"/stripe/{back.split('/stripe/', 1)[1]}")
    assert shown.status == (303 if status == "complete" else 402)
    assert (seen(api, session)["status"], api.totals()["charged"]) == (status, charged)


def test_cancelling_goes_back_to_the_shop_and_leaves_the_page_open(api: Api) -> None:
    session = opened(api)
    answer = api.press(session["url"], "cancel")
    assert (answer.status, answer.headers["location"]) == (303, f"{SHOP}/cart")
    assert seen(api, session)["status"] == "open"


def test_an_expired_one_cannot_be_paid_and_what_was_begun_for_it_is_called_off(api: Api) -> None:
    session = opened(api)
    bank = api.press(session["url"], "pay", card="4000002500003155").headers["location"]
    gone = api.make(f"checkout/sessions/{session['id']}/expire")
    assert (gone["status"], gone["url"]) == ("expired", None)
    assert api.press(session["url"], "pay", card="4242424242424242").status == 410
    assert api.press(bank, "complete").status == 410
    assert api.totals()["statuses"] == {"canceled": 1}
    assert api.events()[0]["type"] == "checkout.session.expired"
    assert api.post(f"checkout/sessions/{session['id']}/expire").status == 400


def test_its_time_runs_out(api: Api) -> None:
    session = opened(api, expires_at=int(time.time()) + 1860)
    api.control("POST", "/clock", {"seconds": 1900})
    try:
        assert [event["type"] for event in api.events()] == ["checkout.session.expired"]
        assert seen(api, session)["status"] == "expired"
    finally:
        api.control("POST", "/clock", {"seconds": -1900})


def test_a_paid_one_does_not_expire(api: Api) -> None:
    session = opened(api)
    api.press(session["url"], "pay", card="4242424242424242")
    assert "complete" in error(api.post(f"checkout/sessions/{session['id']}/expire"), 400)["message"]
    api.control("POST", f"/checkout/sessions/{session['id']}/expire")
    assert seen(api, session)["status"] == "complete"


def test_money_that_comes_later_is_told_later(api: Api) -> None:
    api.control("PUT", "/outcomes", {"confirmations": "processing"})
    session = opened(api)
    assert api.press(session["url"], "pay", card="4242424242424242").status == 303
    waiting = seen(api, session)
    assert (waiting["status"], waiting["payment_status"]) == ("complete", "unpaid")
    api.control("POST", f"/payment_intents/{waiting['payment_intent']}/settle", {"succeeded": True})
    assert seen(api, session)["payment_status"] == "paid"
    assert api.events()[0]["type"] == "checkout.session.async_payment_succeeded"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"mode": "subscription"}, "mode"),
        ({"line_items": [{**LINE, "quantity": 0}]}, "line_items[0][quantity]"),
        ({"line_items": [{"price": "price_1", "quantity": 1}]}, "line_items[0][price]"),
        ({"line_items": [{"quantity": 1}]}, "line_items[0][price_data]"),
        ({"success_url": "javascript:alert(1)"}, "success_url"),
        ({"expires_at": 5}, "expires_at"),
        ({"expires_at": 99_999_999_999}, "expires_at"),
        ({"customer": "cus_none"}, "customer"),
        ({"colour": "red"}, "colour"),
        ({"payment_intent_data": {"colour": "red"}}, "payment_intent_data[colour]"),
    ],
)
def test_a_session_that_cannot_be_is_refused(api: Api, change: dict[str, Any], param: str) -> None:
    assert error(api.post("checkout/sessions", {**WISH, **change}), 400)["param"] == param


def test_two_currencies_are_not_mixed_and_too_little_is_not_charged(api: Api) -> None:
    yen = {"price_data": {"currency": "jpy", "unit_amount": 500, "product_data": {"name": "B"}}, "quantity": 1}
    assert "same currency" in error(api.post("checkout/sessions", {**WISH, "line_items": [LINE, yen]}), 400)["message"]
    little = {"price_data": {"currency": "usd", "unit_amount": 10, "product_data": {"name": "C"}}, "quantity": 4}
    refused = api.post("checkout/sessions", {**WISH, "line_items": [little]})
    assert error(refused, 400)["code"] == "amount_too_small"


def test_a_page_that_nobody_made_is_not_there(api: Api) -> None:
    for path in ("pay/cs_none", "authenticate/pi_none", "receipts/pi_none", "other"):
        assert api.vendors.ask("GET", f"/stripe/{path}").status == 404
