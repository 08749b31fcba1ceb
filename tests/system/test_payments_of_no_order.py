"""
Payments of no order over HTTP, on whole processes: made, tried, confirmed, given back; and Stripe's books beside ours.

The law of money: what Stripe charged, less what it gave back, is the sum of our transactions.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.system.client import client_of, until
from tests.system.running import Gateway
from tests.system.test_openapi_holds import key_of
from tests.system.test_payments import press, stripe

pytestmark = pytest.mark.system

Json = dict[str, Any]


@pytest.fixture
async def http(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(gateway.url) as http:
        http.headers["Authorization"] = f"Bearer {key_of(gateway)}"
        yield http


async def made(http: httpx.AsyncClient, amount: int = 2000, currency: str = "USD") -> str:
    body = {"amount": amount, "currency": currency, "payment_method": "credit_card"}
    answer = await http.post("/payments", json=body)
    assert (answer.status_code, answer.json()["status"]) == (201, "pending")
    return str(answer.json()["id"])


async def tried(http: httpx.AsyncClient, payment: str, card: str) -> httpx.Response:
    return await http.post(f"/payments/{payment}/process", json={"payment_method_id": card})


async def shown(http: httpx.AsyncClient, payment: str, **facts: Any) -> Json:
    """The payment, once this is so."""

    async def look() -> Json | None:
        told = dict((await http.get(f"/payments/{payment}")).raise_for_status().json())
        return told if {name: told[name] for name in facts} == facts else None

    return await until(look) or {}


async def books_balance(gateway: Gateway, http: httpx.AsyncClient, payment: str, currency: str = "usd") -> list[int]:
    """Our transactions, the newest first, what was given back below nothing."""
    listed = (await http.get(f"/transactions?payment_id={payment}")).json()["items"]
    signed = [-each["amount"] if each["type"] == "refund" else each["amount"] for each in listed]
    told = await stripe(gateway, "GET", f"/totals?payment={payment}")
    assert sum(signed) == told["charged"].get(currency, 0) - told["refunded"].get(currency, 0)
    return signed


async def test_a_payment_is_completed_and_given_back_in_part_and_never_beyond(
    gateway: Gateway, http: httpx.AsyncClient
) -> None:
    payment = await made(http)
    assert (await tried(http, payment, "pm_card_visa")).status_code == 202
    assert (await shown(http, payment, status="completed"))["captured"] == 2000
    at = f"/payments/{payment}/refund"
    answers = await asyncio.gather(
        *(http.post(at, json={"amount": 700}, headers={"Idempotency-Key": f"{number}"}) for number in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [202, 202, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"refund-too-large"}
    assert (await shown(http, payment, refunded=1400))["refundable"] == 600
    assert await books_balance(gateway, http, payment) == [-700, -700, 2000]


async def test_who_pays_twice_at_once_is_charged_once(gateway: Gateway, http: httpx.AsyncClient) -> None:
    payment = await made(http, 500, "JPY")
    answers = await asyncio.gather(*(tried(http, payment, "pm_card_visa") for _ in range(5)))
    assert {answer.status_code for answer in answers} <= {202, 409}  # the last of them may find it completed
    assert len({answer.json()["request_id"] for answer in answers if answer.status_code == 202}) == 1
    await shown(http, payment, status="completed")
    assert (await tried(http, payment, "pm_card_visa")).json()["code"] == "payment-state"
    assert await books_balance(gateway, http, payment, "jpy") == [500]


async def test_a_card_that_is_declined_fails_the_try_and_another_pays(
    gateway: Gateway, http: httpx.AsyncClient
) -> None:
    payment = await made(http)
    await tried(http, payment, "pm_card_visa_chargeDeclined")
    assert (await shown(http, payment, status="failed"))["failure"]["code"] == "card_declined"
    refused = await http.post(f"/payments/{payment}/refund", headers={"Idempotency-Key": "k"})
    assert (refused.status_code, refused.json()["code"]) == (409, "payment-state")
    await tried(http, payment, "pm_card_visa")
    assert (await shown(http, payment, status="completed"))["failure"] is None
    assert await books_balance(gateway, http, payment) == [2000]


async def test_a_buyer_who_has_to_prove_who_they_are_is_told_where(gateway: Gateway, http: httpx.AsyncClient) -> None:
    payment = await made(http, 5120, "BHD")
    await tried(http, payment, "pm_card_threeDSecure2Required")
    there = (await shown(http, payment, status="requires_action"))["next_action"]
    assert (await tried(http, payment, "pm_card_visa")).json()["code"] == "payment-state"
    back = await press(there, "complete")
    assert back.headers["location"].startswith(f"{gateway.url}/payments/return?payment_intent=")
    assert (await shown(http, payment, status="completed"))["next_action"] is None
    assert await books_balance(gateway, http, payment, "bhd") == [5120]


async def test_a_customer_and_a_page_to_pay_on_are_answered_as_stripe_has_them(http: httpx.AsyncClient) -> None:
    customer = await http.post("/payments/customers", json={"name": "Jane Doe", "email": "jane@example.com"})
    assert (customer.status_code, customer.json()["object"]) == (201, "customer"), customer.text
    body = {"currency": "usd", "product_name": "Red mug", "amount": "2000"}
    for path in ("/payments/checkout", "/payment/checkout"):
        page = await http.post(path, json=body)
        told = page.json()
        assert (page.status_code, told["object"], told["amount_total"]) == (201, "checkout.session", 2000)
        job = await http.get(f"/jobs/{page.headers['Gateway-Job-Id']}")
        assert (job.json()["status"], job.json()["result"]["id"]) == ("complete", told["id"])
        assert (await press(told["url"])).headers["location"].endswith("/payments/success")
