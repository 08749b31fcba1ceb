"""The simulated processor: pages that are paid or declined once, refunds that never exceed a charge, and its books."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.loadtest.client import Answer, Vendors
from tests.loadtest.conftest import SECRET
from tests.loadtest.receiver import Receiver, receiver_running

JOB = "01980000-0000-7000-8000-000000000001"
SHOP = "https://shop.example/orders/1"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiver_running() as receiver:
        yield receiver


@pytest.fixture
def processor(vendors: Vendors) -> Vendors:
    vendors.tell(vendor="processor")
    vendors.ask("PUT", "/control/processor/idempotency", b'{"honoured": true}')
    return vendors


def opened(processor: Vendors, receiver: Receiver, order: str, **fields: Any) -> Answer:
    asked = {
        "amount": 1999, "currency": "USD", "order_id": order, "success_url": SHOP, "cancel_url": f"{SHOP}?no",
        "webhook_url": receiver.url, "metadata": {"job": JOB}, **fields,
    }  # fmt: skip
    return processor.ask("POST", "/processor/checkouts", json.dumps(asked).encode(), Idempotency_Key=f"key of {order}")


def press(processor: Vendors, checkout: str, button: str) -> Answer:
    return processor.ask("POST", f"/processor/pay/{checkout}/{button}", b"")


def refund(processor: Vendors, checkout: str, amount: int, key: str, currency: str = "USD") -> Answer:
    body = {"checkout": checkout, "amount": amount, "currency": currency}
    return processor.ask("POST", "/processor/refunds", json.dumps(body).encode(), Idempotency_Key=key)


def totals(processor: Vendors, order: str) -> dict[str, Any]:
    return dict(processor.ask("GET", f"/processor/totals/{order}").json)


def test_a_buyer_pays_on_the_page_and_the_shop_is_told_by_a_signed_webhook(
    processor: Vendors, receiver: Receiver
) -> None:
    made = opened(processor, receiver, "a")
    assert (made.status, made.json["status"], made.json["amount"]) == (201, "open", 1999)
    checkout = made.json["id"]
    page = processor.ask("GET", urlsplit(made.json["url"]).path)
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert f'action="/processor/pay/{checkout}/pay"'.encode() in page.body
    paid = press(processor, checkout, "pay")
    assert (paid.status, paid.headers["location"]) == (303, SHOP)
    [event] = receiver.wait_for(1)
    assert event.signed_with(SECRET)
    assert (event.json["id"], event.json["status"], event.json["metadata"]) == (checkout, "paid", {"job": JOB})
    assert totals(processor, "a")["charged"] == {"USD": 1999}


def test_a_checkout_ends_once_however_many_buttons_are_pressed(processor: Vendors, receiver: Receiver) -> None:
    checkout = opened(processor, receiver, "b").json["id"]
    assert press(processor, checkout, "decline").headers["location"] == f"{SHOP}?no"
    press(processor, checkout, "pay")
    assert processor.ask("GET", f"/processor/checkouts/{checkout}").json["status"] == "declined"
    assert processor.ask("GET", f"/processor/pay/{checkout}").status == 410
    expired = processor.ask("POST", f"/processor/checkouts/{checkout}/expire", b"{}", Idempotency_Key="x")
    assert (expired.status, expired.json["status"]) == (200, "declined")
    assert (totals(processor, "b")["charged"], totals(processor, "b")["statuses"]) == ({"USD": 0}, {"declined": 1})
    [event] = receiver.wait_for(1)
    assert event.json["message"] == "the card was declined"


def test_one_key_is_one_checkout(processor: Vendors, receiver: Receiver) -> None:
    first, second = opened(processor, receiver, "c"), opened(processor, receiver, "c")
    assert first.json == second.json
    assert totals(processor, "c")["statuses"] == {"open": 1}


def test_what_was_not_paid_in_time_is_expired_and_nobody_pays_it(processor: Vendors, receiver: Receiver) -> None:
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    checkout = opened(processor, receiver, "d", expires_at=past).json["id"]
    press(processor, checkout, "pay")
    assert processor.ask("GET", f"/processor/checkouts/{checkout}").json["status"] == "expired"


def test_closing_an_open_one_is_told_too(processor: Vendors, receiver: Receiver) -> None:
    checkout = opened(processor, receiver, "e").json["id"]
    closed = processor.ask("POST", f"/processor/checkouts/{checkout}/expire", b"{}", Idempotency_Key="e")
    assert closed.json["status"] == "expired"
    [event] = receiver.wait_for(1)
    assert event.json["status"] == "expired"


def test_refunds_never_exceed_what_was_charged_and_one_key_gives_back_once(
    processor: Vendors, receiver: Receiver
) -> None:
    checkout = opened(processor, receiver, "f").json["id"]
    assert refund(processor, checkout, 1999, "early").status == 409
    press(processor, checkout, "pay")
    answers = [refund(processor, checkout, 1500, "one").status for _ in range(2)]
    assert answers == [201, 201]
    assert [refund(processor, checkout, amount, f"k{amount}").status for amount in (500, 0, 499)] == [409, 409, 201]
    assert refund(processor, checkout, 1, "yen", "JPY").status == 409
    assert refund(processor, "co_none", 1, "none").status == 404
    assert totals(processor, "f")["refunded"] == {"USD": 1999}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/processor/checkouts", b"{", 400),
        ("POST", "/processor/checkouts", b"{}", 422),
        ("POST", "/processor/refunds", b"[]", 422),
        ("GET", "/processor/checkouts/none", None, 404),
        ("POST", "/processor/pay/none/pay", b"", 404),
        ("GET", "/processor", None, 404),
    ],
)
def test_what_is_none_of_its_routes_or_not_what_they_take_is_refused(
    processor: Vendors, method: str, path: str, body: bytes | None, status: int
) -> None:
    assert processor.ask(method, path, body).status == status


def test_it_misbehaves_on_command_as_every_simulated_vendor(processor: Vendors, receiver: Receiver) -> None:
    processor.tell({"mode": "fail", "status": 503, "times": 1}, vendor="processor")
    assert opened(processor, receiver, "g").status == 503
    checkout = opened(processor, receiver, "g").json["id"]
    processor.tell({"mode": "normal", "webhook": []}, vendor="processor")
    press(processor, checkout, "pay")
    processor.tell(vendor="processor")
    assert processor.ask("GET", f"/processor/checkouts/{checkout}").json["status"] == "paid"
    assert processor.ask("GET", "/control/webhooks?vendor=processor").json["deliveries"] == []
