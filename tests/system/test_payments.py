"""
Paying orders over HTTP, as a browser does it: Stripe's page, its buttons, and the shop's orders behind them.

The law of money: what Stripe charged, less what it gave back, is what the paid orders come to.
"""

import asyncio
import hashlib
import hmac
import json
import time
from asyncio.subprocess import PIPE
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.system.client import Jobs, client_of, until
from tests.system.running import GATEWAY, Gateway
from tests.system.test_openapi_holds import key_of
from tests.system.test_orders import all_orders, bought, insist

pytestmark = pytest.mark.system

STOCK = 20
BUYERS = 12
KILLS = {4: "worker-1", 8: "worker-2"}  # when so many have seen their page
GOOD, DECLINED = "4242424242424242", "4000000000000002"
Json = dict[str, Any]


def signed(body: bytes, secret: str, seconds: int) -> str:
    """As Stripe does it, so many seconds from now: https://docs.stripe.com/webhooks#verify-manually."""
    stamp = f"{int(time.time()) + seconds}"
    return f"t={stamp},v1={hmac.new(secret.encode(), f'{stamp}.'.encode() + body, hashlib.sha256).hexdigest()}"


async def paying(http: httpx.AsyncClient, order: str) -> Json:
    """The payment of an order, once its page is known."""

    async def page() -> Json | None:
        answer = await insist(http, f"/orders/{order}/pay")
        assert answer.status_code in {200, 202}, answer.text
        return dict(answer.json()) if answer.status_code == 200 else None

    return await until(page) or {}


async def press(page: str, button: str = "pay", card: str = GOOD) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=20) as browser:
        return await browser.post(f"{page}/{button}", data={"card": card})


def session_of(payment: Json) -> str:
    return str(payment["redirect_url"]).rpartition("/")[2]


async def stripe(gateway: Gateway, method: str, path: str, body: object = None) -> Json:
    """What is told to the simulated one."""
    async with client_of(gateway.address("GATEWAY_DEMO_VENDORS_URL")) as http:
        answer = (await http.request(method, f"/control/stripe{path}", json=body)).raise_for_status()
    return dict(answer.json()) if answer.content and answer.json() and isinstance(answer.json(), dict) else {}


async def ended(http: httpx.AsyncClient, order: str, *statuses: str) -> Json:
    async def look() -> Json | None:
        shown = dict((await http.get(f"/orders/{order}")).raise_for_status().json())
        return shown if shown["status"] in statuses else None

    return await until(look) or {}


async def stock(http: httpx.AsyncClient, product: str) -> int:
    return int((await http.get(f"/products/{product}")).json()["stock"])


async def totals(gateway: Gateway, order: str) -> tuple[int, int]:
    """What was charged for this order, and what was given back."""
    told = await stripe(gateway, "GET", f"/totals?order={order}")
    return told["charged"].get("usd", 0), told["refunded"].get("usd", 0)


async def test_a_buyer_is_led_to_the_page_by_a_short_link_pays_there_and_the_order_is_paid(gateway: Gateway) -> None:
    async with client_of(gateway.url) as http:
        http.headers["Authorization"] = f"Bearer {key_of(gateway)}"
        product, order = await bought(http, 5)
        payment = await paying(http, order["id"])
        led = await http.get(urlsplit(payment["short_url"]).path)
        assert (led.status_code, led.headers["location"]) == (302, payment["redirect_url"])
        async with httpx.AsyncClient(trust_env=False) as browser:
            page = await browser.get(payment["redirect_url"])
        assert (page.status_code, "19.99 USD" in page.text) == (200, True)
        assert (await press(payment["redirect_url"])).status_code == 303
        shown = await ended(http, order["id"], "Paid")
        assert [step["status"] for step in shown["history"]] == ["Pending", "AwaitingPayment", "Paid"]
        assert await stock(http, product) == 4
        job = (await http.get(f"/jobs/{payment['request_id']}")).json()
        assert (job["status"], job["result"]["standing"]) == ("complete", "paid")
        told = (await http.get(f"/payments/{payment['payment_id']}")).json()
        assert (told["status"], told["order_id"], told["captured"]) == ("completed", order["id"], 1999)
        refused = await http.post(f"/orders/{order['id']}/pay")
        assert (refused.status_code, refused.json()["code"]) == (409, "order-state")
        assert (await http.post(f"/jobs/{payment['request_id']}/retry")).json()["code"] == "payment-kept"
        stolen = {"kind": "customer.create", "name": "Jane", "email": "jane@example.com"}
        asked = await http.post("/jobs", json={"vendorType": "payments", "vendorPayload": stolen})
        assert (asked.status_code, asked.json()["errors"][0]["pointer"]) == (422, "/vendorType")
    assert await totals(gateway, order["id"]) == (1999, 0)


async def test_no_word_pays_for_anything_not_even_a_signed_one(gateway: Gateway) -> None:
    """It says that something has changed, and Stripe itself is asked."""
    async with client_of(gateway.url) as http:
        http.headers["Authorization"] = f"Bearer {key_of(gateway)}"
        _, order = await bought(http, 5)
        payment = await paying(http, order["id"])
        about = {"id": session_of(payment), "status": "complete", "metadata": {"job": payment["request_id"]}}
        told = {"id": "evt_1", "type": "checkout.session.completed", "livemode": False, "data": {"object": about}}
        body, secret = json.dumps(told).encode(), (gateway.home / "demo-webhook.secret").read_text().strip()

        async def tell(key: str, seconds: int = 0) -> int:
            headers = {"Stripe-Signature": signed(body, key, seconds)}
            return (await http.post("/webhooks/payments", content=body, headers=headers)).status_code

        assert (await http.post("/webhooks/payments", content=body)).status_code == 401
        assert [await tell("whsec_a_strangers"), await tell(secret, -360), await tell(secret, 360)] == [401] * 3
        assert [await tell(secret), await tell(secret)] == [202, 200]

        async def looked() -> bool:
            shown = await Jobs(http).show(payment["request_id"])
            return len(shown["attempts"]) > 1 and shown["attempts"][-1]["outcome"] == "waiting"

        await until(looked)
        assert (await http.get(f"/orders/{order['id']}")).json()["status"] == "AwaitingPayment"
        await press(payment["redirect_url"])
        await ended(http, order["id"], "Paid")


async def test_a_card_that_is_declined_ends_nothing_and_another_pays(gateway: Gateway) -> None:
    async with client_of(gateway.url) as http:
        http.headers["Authorization"] = f"Bearer {key_of(gateway)}"
        _, order = await bought(http, 5)
        payment = await paying(http, order["id"])
        declined = await press(payment["redirect_url"], card=DECLINED)
        assert (declined.status_code, "declined" in declined.text) == (402, True)
        assert (await http.get(f"/orders/{order['id']}")).json()["status"] == "AwaitingPayment"
        await press(payment["redirect_url"])
        await ended(http, order["id"], "Paid")
    assert await totals(gateway, order["id"]) == (1999, 0)


async def test_a_page_whose_time_is_up_ends_the_order_and_its_stock_goes_back(gateway: Gateway) -> None:
    async with client_of(gateway.url) as http:
        http.headers["Authorization"] = f"Bearer {key_of(gateway)}"
        product, order = await bought(http, 5)
        payment = await paying(http, order["id"])
        await stripe(gateway, "POST", f"/checkout/sessions/{session_of(payment)}/expire")
        shown = await ended(http, order["id"], "Cancelled")
        assert shown["history"][-1]["why"] == "the payment failed"
        assert await stock(http, product) == 5
        assert (await http.get(f"/payments/{payment['payment_id']}/status")).json()["status"] == "cancelled"
    assert await totals(gateway, order["id"]) == (0, 0)


async def test_a_paid_order_of_which_all_is_given_back_is_refunded(gateway: Gateway) -> None:
    """Half of it through the gateway, the rest by hand at Stripe."""
    async with client_of(gateway.url) as http:
        http.headers["Authorization"] = f"Bearer {key_of(gateway)}"
        product, order = await bought(http, 5)
        payment = await paying(http, order["id"])
        await press(payment["redirect_url"])
        await ended(http, order["id"], "Paid")
        at = f"/payments/{payment['payment_id']}"
        half = await http.post(f"{at}/refund", json={"amount": 1000}, headers={"Idempotency-Key": "half"})
        assert half.status_code == 202, half.text

        async def done() -> bool:
            return bool((await http.get(at)).json()["refunded"] == 1000)

        await until(done)
        assert (await http.get(f"/orders/{order['id']}")).json()["status"] == "Paid"
        intent = (await http.get(f"/jobs/{payment['request_id']}")).json()["result"]["reference"]
        await stripe(gateway, "POST", "/refunds", {"payment_intent": intent, "amount": 999})
        await ended(http, order["id"], "Refunded")
        assert await stock(http, product) == 5
    assert await totals(gateway, order["id"]) == (1999, 1999)


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
        await press(payment["redirect_url"])
        assert await stock(http, product) == 5
    assert await totals(gateway, order["id"]) == (0, 0)


async def test_an_order_that_is_paid_all_the_same_is_refunded(gateway: Gateway) -> None:
    """Stripe's webhook is late: the order is cancelled while the money is already there."""
    async with client_of(gateway.url) as http:
        http.headers["Authorization"] = f"Bearer {key_of(gateway)}"
        product, order = await bought(http, 5)
        payment = await paying(http, order["id"])
        await stripe(gateway, "PUT", "/webhooks/plans", [{"after": 1}])
        await press(payment["redirect_url"])
        await stripe(gateway, "DELETE", "/webhooks/plans")
        assert (await http.post(f"/orders/{order['id']}/cancel")).json()["status"] == "Cancelled"
        await ended(http, order["id"], "Refunded")
        assert await stock(http, product) == 5
    assert await totals(gateway, order["id"]) == (1999, 1999)


async def test_a_checkout_whose_answer_was_lost_is_asked_for_again_and_is_one(gateway: Gateway) -> None:
    async with client_of(gateway.url) as http:
        http.headers["Authorization"] = f"Bearer {key_of(gateway)}"
        _, order = await bought(http, 5)
        await stripe(gateway, "PUT", "?on=POST /v1/checkout/sessions", [{"mode": "drop_after", "times": 1}])
        payment = await paying(http, order["id"])
        await stripe(gateway, "DELETE", "?on=POST /v1/checkout/sessions")
        async with client_of(gateway.address("GATEWAY_DEMO_VENDORS_URL")) as vendors:
            listed = await vendors.get(
                "/stripe/v1/checkout/sessions?limit=100", headers={"Authorization": "Bearer sk_test_1"}
            )
        assert [each["client_reference_id"] for each in listed.json()["data"]].count(order["id"]) == 1
        await press(payment["redirect_url"])
        await ended(http, order["id"], "Paid")
    assert await totals(gateway, order["id"]) == (1999, 0)


async def test_through_kills_of_workers_stripes_books_are_those_of_the_paid_orders(victim: Gateway) -> None:
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
            session = f"/checkout/sessions/{session_of(payment)}/expire"
            over = stripe(victim, "POST", session) if number % 4 == 1 else press(payment["redirect_url"])
            await asyncio.gather(over, cancelling)
            return order

        ids = await asyncio.gather(*map(buy, range(BUYERS)))
        for order in ids:
            await ended(http, order, "Paid", "Cancelled", "Refunded")

        async def settled() -> bool:
            """A cancelled order of which money is with Stripe is still to be refunded."""
            shown = {order["id"]: order["status"] for order in await all_orders(http)}
            kept = [(shown[order], *(await totals(victim, order))) for order in ids]
            return all(charged - back == (1999 if status == "Paid" else 0) for status, charged, back in kept)

        await until(settled)
        orders = [order for order in await all_orders(http) if order["id"] in {*ids, first["id"]}]
        held = sum(order["status"] in {"Pending", "Paid"} for order in orders)
        assert await stock(http, product) + held == STOCK


async def reconciled(gateway: Gateway) -> Json:
    """The report of the command, as somebody types it on the machine."""
    since = f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    command = await asyncio.create_subprocess_exec(
        *(GATEWAY, "payments", "reconcile", "--since", since, "--json"),
        env=gateway.environment(),
        cwd=gateway.home,
        stdout=PIPE,
        stderr=PIPE,
    )
    said, wrong = await command.communicate()
    assert command.returncode in {0, 1}, wrong
    return dict(json.loads(said))


async def test_a_refund_of_which_no_event_tells_is_found_by_a_reconciliation(gateway: Gateway) -> None:
    async with client_of(gateway.url) as http:
        http.headers["Authorization"] = f"Bearer {key_of(gateway)}"
        _, order = await bought(http, 5)
        payment = await paying(http, order["id"])
        await press(payment["redirect_url"])
        await ended(http, order["id"], "Paid")
        intent = (await http.get(f"/jobs/{payment['request_id']}")).json()["result"]["reference"]
        await stripe(gateway, "PUT", "/webhooks/plans", [{"types": ["refund.*", "charge.*"], "never": True}])
        try:
            await stripe(gateway, "POST", "/refunds", {"payment_intent": intent})
            report = await reconciled(gateway)
        finally:
            await stripe(gateway, "DELETE", "/webhooks/plans")
        assert payment["payment_id"] in report["ids"]["mended"]
        moved = (await http.get(f"/transactions?payment_id={payment['payment_id']}")).json()["items"]
    assert sorted((each["type"], each["amount"]) for each in moved) == [("charge", 1999), ("refund", 1999)]


async def test_the_books_are_compared_once_a_period_without_anybody_asking(gateway: Gateway) -> None:
    async with client_of(gateway.url) as http:
        http.headers["Authorization"] = f"Bearer {key_of(gateway)}"

        async def runs() -> Json | None:
            listed = (await http.get("/jobs", params={"vendor": "payments", "limit": 100})).json()["items"]
            ours = (job for job in listed if job["metadata"].get("kind") == "payments.reconcile")
            return next((job for job in ours if job["status"] == "complete"), None)

        await until(runs)
