"""
Paying over HTTP, as a browser does it: the processor's page, its buttons, and the shop's orders behind them.

The law of money: what the processor charged, less what it gave back, is what the paid orders come to.
"""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.system.client import client_of, until
from tests.system.running import Gateway
from tests.system.test_openapi_holds import key_of
from tests.system.test_orders import all_orders, bought, insist
from tests.vendors.test_signatures import standard
from vendors.signatures.schemes import SCHEMES

pytestmark = pytest.mark.system

STOCK = 20
BUYERS = 12
KILLS = {4: "worker-1", 8: "worker-2"}  # when so many have seen their page
Json = dict[str, Any]


async def paying(http: httpx.AsyncClient, order: str) -> Json:
    """The payment of an order, once its page is known."""

    async def page() -> Json | None:
        answer = await insist(http, f"/orders/{order}/pay")
        assert answer.status_code in {200, 202}, answer.text
        return dict(answer.json()) if answer.status_code == 200 else None

    return await until(page) or {}


async def press(page: str, button: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=20) as browser:
        return await browser.post(f"{page}/{button}")


async def ended(http: httpx.AsyncClient, order: str, *statuses: str) -> Json:
    async def look() -> Json | None:
        shown = dict((await http.get(f"/orders/{order}")).raise_for_status().json())
        return shown if shown["status"] in statuses else None

    return await until(look) or {}


async def stock(http: httpx.AsyncClient, product: str) -> int:
    return int((await http.get(f"/products/{product}")).json()["stock"])


async def totals(gateway: Gateway, order: str) -> tuple[int, int]:
    """What was charged for this order, and what was given back."""
    async with client_of(gateway.address("GATEWAY_DEMO_VENDORS_URL")) as http:
        told = (await http.get(f"/processor/totals/{order}")).raise_for_status().json()
    return told["charged"].get("USD", 0), told["refunded"].get("USD", 0)


async def test_a_buyer_is_led_to_the_page_by_a_short_link_pays_there_and_the_order_is_paid(gateway: Gateway) -> None:
    async with client_of(gateway.url) as http:
        http.headers["Authorization"] = f"Bearer {key_of(gateway)}"
        product, order = await bought(http, 5)
        payment = await paying(http, order["id"])
        led = await http.get(urlsplit(payment["short_url"]).path)
        assert (led.status_code, led.headers["location"]) == (302, payment["redirect_url"])
        async with httpx.AsyncClient(trust_env=False) as browser:
            page = await browser.get(payment["redirect_url"])
        assert (page.status_code, "1999 USD" in page.text) == (200, True)
        assert (await press(payment["redirect_url"], "pay")).status_code == 303
        shown = await ended(http, order["id"], "Paid")
        assert [step["status"] for step in shown["history"]] == ["Pending", "AwaitingPayment", "Paid"]
        assert await stock(http, product) == 4
        job = (await http.get(f"/jobs/{payment['request_id']}")).json()
        assert (job["status"], job["result"]["status"]) == ("complete", "paid")
        refused = await http.post(f"/orders/{order['id']}/pay")
        assert (refused.status_code, refused.json()["code"]) == (409, "order-state")
        assert (await http.post(f"/jobs/{payment['request_id']}/retry")).json()["code"] == "payment-kept"
        stolen = {"kind": "payment.refund", "reference": "co_1", "amount": 1, "currency": "USD"}
        asked = await http.post("/jobs", json={"vendorType": "payments", "vendorPayload": stolen})
        assert (asked.status_code, asked.json()["errors"][0]["pointer"]) == (422, "/vendorType")
    assert await totals(gateway, order["id"]) == (1999, 0)


async def test_a_strangers_word_pays_for_nothing_and_the_processors_once(gateway: Gateway) -> None:
    async with client_of(gateway.url) as http:
        http.headers["Authorization"] = f"Bearer {key_of(gateway)}"
        _, order = await bought(http, 5)
        payment = await paying(http, order["id"])
        reference = payment["redirect_url"].rpartition("/")[2]
        told = {"id": reference, "status": "paid", "metadata": {"job": payment["request_id"]}}
        body, now = json.dumps(told).encode(), datetime.now(UTC)
        ours = SCHEMES["standard"].read_secret((gateway.home / "demo-webhook.secret").read_text())

        async def tell(body: bytes, headers: dict[str, str]) -> int:
            return (await http.post("/webhooks/payments", content=body, headers=headers)).status_code

        right = standard(body, now, ours)
        assert await tell(body, {}) == 401
        assert await tell(body, standard(body, now, b"a stranger's key, of 32 letters.")) == 401
        assert await tell(body, standard(body, now - timedelta(minutes=6), ours)) == 401
        assert await tell(body.replace(b"paid", b"Paid"), right) == 401
        assert (await http.get(f"/orders/{order['id']}")).json()["status"] == "AwaitingPayment"
        assert [await tell(body, right) for _ in range(2)] == [202, 200]
        shown = await ended(http, order["id"], "Paid")
        assert [step["status"] for step in shown["history"]] == ["Pending", "AwaitingPayment", "Paid"]


async def test_a_payment_that_is_declined_ends_the_order_and_its_stock_goes_back(gateway: Gateway) -> None:
    async with client_of(gateway.url) as http:
        http.headers["Authorization"] = f"Bearer {key_of(gateway)}"
        product, order = await bought(http, 5)
        payment = await paying(http, order["id"])
        await press(payment["redirect_url"], "decline")
        shown = await ended(http, order["id"], "Cancelled")
        assert shown["history"][-1]["why"] == "the payment failed"
        assert await stock(http, product) == 5
    assert await totals(gateway, order["id"]) == (0, 0)


async def test_an_order_cancelled_before_it_is_paid_can_no_longer_be_paid_there(gateway: Gateway) -> None:
    async with client_of(gateway.url) as http:
        http.headers["Authorization"] = f"Bearer {key_of(gateway)}"
        product, order = await bought(http, 5)
        payment = await paying(http, order["id"])
        assert (await http.post(f"/orders/{order['id']}/cancel")).json()["status"] == "Cancelled"

        async def closed() -> bool:
            async with httpx.AsyncClient(trust_env=False) as browser:
                return (await browser.get(payment["redirect_url"])).status_code == 410

        await until(closed)
        await press(payment["redirect_url"], "pay")
        assert await stock(http, product) == 5
    assert await totals(gateway, order["id"]) == (0, 0)


async def test_an_order_that_is_paid_all_the_same_is_refunded(gateway: Gateway) -> None:
    """The processor's webhook is late: the order is cancelled while the money is already there."""
    async with client_of(gateway.url) as http, client_of(gateway.address("GATEWAY_DEMO_VENDORS_URL")) as vendors:
        http.headers["Authorization"] = f"Bearer {key_of(gateway)}"
        product, order = await bought(http, 5)
        payment = await paying(http, order["id"])
        late = {"mode": "normal", "webhook": {"after": 2}}
        (await vendors.put("/control/processor", json=late)).raise_for_status()
        await press(payment["redirect_url"], "pay")
        (await vendors.delete("/control/processor")).raise_for_status()
        assert (await http.post(f"/orders/{order['id']}/cancel")).json()["status"] == "Cancelled"
        await ended(http, order["id"], "Refunded")
        assert await stock(http, product) == 5
    assert await totals(gateway, order["id"]) == (1999, 1999)


async def test_a_checkout_whose_answer_was_lost_is_asked_for_again_and_is_one(gateway: Gateway) -> None:
    async with client_of(gateway.url) as http, client_of(gateway.address("GATEWAY_DEMO_VENDORS_URL")) as vendors:
        http.headers["Authorization"] = f"Bearer {key_of(gateway)}"
        _, order = await bought(http, 5)
        (await vendors.put("/control/processor", json={"mode": "drop_after", "times": 1})).raise_for_status()
        payment = await paying(http, order["id"])
        (await vendors.delete("/control/processor")).raise_for_status()
        told = (await vendors.get(f"/processor/totals/{order['id']}")).json()
        assert told["statuses"] == {"open": 1}
        await press(payment["redirect_url"], "pay")
        await ended(http, order["id"], "Paid")
    assert await totals(gateway, order["id"]) == (1999, 0)


async def test_through_kills_of_workers_the_processors_books_are_those_of_the_paid_orders(victim: Gateway) -> None:
    """Slow: what a killed worker held is taken up when its lease is over."""
    async with client_of(victim.url) as http:
        http.headers["Authorization"] = f"Bearer {key_of(victim)}"
        product, first = await bought(http, STOCK)
        pressed = 0

        async def buy(number: int) -> str:
            nonlocal pressed
            items = [{"product_id": product, "quantity": 1}]
            told = await insist(http, "/orders", json={"items": items}, headers={"Idempotency-Key": f"pay-{number}"})
            order = str(told.json()["id"])
            payment = await paying(http, order)
            pressed += 1
            if pressed in KILLS:
                victim.kill(KILLS[pressed])
            cancelling = insist(http, f"/orders/{order}/cancel") if number % 3 == 0 else asyncio.sleep(0)
            await asyncio.gather(press(payment["redirect_url"], "decline" if number % 4 == 1 else "pay"), cancelling)
            return order

        ids = await asyncio.gather(*map(buy, range(BUYERS)))
        for order in ids:
            await ended(http, order, "Paid", "Cancelled", "Refunded")

        async def settled() -> bool:
            """A cancelled order of which money is with the processor is still to be refunded."""
            shown = {order["id"]: order["status"] for order in await all_orders(http)}
            kept = [(shown[order], *(await totals(victim, order))) for order in ids]
            return all(charged - back == (1999 if status == "Paid" else 0) for status, charged, back in kept)

        await until(settled)
        orders = [order for order in await all_orders(http) if order["id"] in {*ids, first["id"]}]
        held = sum(order["status"] in {"Pending", "Paid"} for order in orders)
        assert await stock(http, product) + held == STOCK
