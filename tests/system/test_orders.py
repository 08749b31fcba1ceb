"""Orders over HTTP while processes are killed: every buyer is told in the end, and the books balance."""

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from pymongo import MongoClient

from tests.system.client import PATIENCE_SECONDS, client_of, until
from tests.system.running import Gateway
from tests.system.test_openapi_holds import key_of

pytestmark = pytest.mark.system

STOCK = 30
MORE = 20  # come in meanwhile
BUYERS = 60  # every third one changes their mind


async def insist(http: httpx.AsyncClient, path: str, **sent: Any) -> httpx.Response:
    """What a client is told that repeats itself until it is heard."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up_at:
        with suppress(httpx.TransportError):
            answer = await http.post(path, **sent)
            if answer.status_code != 503:
                return answer
            assert int(answer.headers["Retry-After"]) >= 1
        await asyncio.sleep(0.1)
    raise AssertionError("nobody listens")


async def bought(http: httpx.AsyncClient, stock: int) -> tuple[str, dict[str, Any]]:
    """A new product, and an order of one piece of it."""
    mug = {"name": "Red mug", "price": {"amount": 1999, "currency": "USD"}, "stock": stock}
    product = str((await insist(http, "/products", json=mug)).json()["id"])
    order = await insist(http, "/orders", json={"items": [{"product_id": product, "quantity": 1}]})
    return product, order.json()


async def came_in(http: httpx.AsyncClient, product: str, pieces: int) -> None:
    """As an admin does it who adds to what they saw: once, whatever is sold meanwhile, and whichever answer is lost."""
    name = f"Red mug, {pieces} more"
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up_at:
        with suppress(httpx.HTTPError):
            seen = (await http.get(f"/products/{product}")).raise_for_status()
            if seen.json()["name"] == name:
                return
            counted = {"name": name, "stock": seen.json()["stock"] + pieces}
            told = await http.patch(f"/products/{product}", json=counted, headers={"If-Match": seen.headers["ETag"]})
            assert told.status_code in {200, 412, 503}, told.text
        await asyncio.sleep(0.1)
    raise AssertionError("nobody listens")


async def all_orders(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    orders: list[dict[str, Any]] = []
    path: str | None = "/orders?limit=100"
    while path is not None:
        answer = (await http.get(path)).raise_for_status()
        orders += answer.json()["items"]
        path = answer.links.get("next", {}).get("url")
    return orders


async def test_an_order_whose_time_is_up_is_cancelled_by_the_workers(gateway: Gateway) -> None:
    async with client_of(gateway.url) as http:
        http.headers["Authorization"] = f"Bearer {key_of(gateway)}"
        product, order = await bought(http, 5)
        past = datetime.now(UTC) - timedelta(seconds=1)
        with MongoClient[dict[str, Any]](gateway.address("GATEWAY_MONGO_URL"), uuidRepresentation="standard") as mongo:
            orders = mongo.get_default_database("gateway").orders
            orders.update_one({"_id": UUID(order["id"])}, {"$set": {"expires_at": past, "sweep_at": past}})

        async def ended() -> dict[str, Any] | None:
            shown: dict[str, Any] = (await http.get(f"/orders/{order['id']}")).json()
            return shown if shown["status"] == "Cancelled" else None

        shown = await until(ended)
        assert shown is not None
        assert shown["history"][-1]["by"] == "gateway"
        assert (await http.get(f"/products/{product}")).json()["stock"] == 5


async def test_under_buyers_cancels_and_kills_no_piece_is_lost_and_none_is_made(victim: Gateway) -> None:
    """Slow: what a killed API had locked stays so for some seconds, and MongoDB takes some to come back."""
    async with client_of(victim.url) as http:
        http.headers["Authorization"] = f"Bearer {key_of(victim)}"
        product, _ = await bought(http, STOCK)
        answered = 0

        async def buy(number: int) -> str | None:
            nonlocal answered
            items = [{"product_id": product, "quantity": 1 + number % 2}]
            told = await insist(http, "/orders", json={"items": items}, headers={"Idempotency-Key": f"buy-{number}"})
            answered += 1
            if answered == BUYERS // 4:
                victim.kill("api")
                victim.kill("worker-1")
            if answered == BUYERS // 2:
                victim.kill("mongod")
            if told.status_code == 409:
                return None
            assert told.status_code == 201, told.text
            order_id = str(told.json()["id"])
            if number % 3 == 0:
                assert (await insist(http, f"/orders/{order_id}/cancel")).json()["status"] == "Cancelled"
            return order_id

        restocking = asyncio.create_task(came_in(http, product, MORE))
        ids = [order_id for order_id in await asyncio.gather(*map(buy, range(BUYERS))) if order_id is not None]
        await restocking
        orders = {order["id"]: order for order in await all_orders(http) if order["items"][0]["product_id"] == product}
        left = (await http.get(f"/products/{product}")).json()["stock"]
    assert len(orders) == len(ids) + 1
    assert orders.keys() > set(ids)
    held = sum(order["items"][0]["quantity"] for order in orders.values() if order["status"] == "Pending")
    assert left + held == STOCK + MORE
    assert left >= 0
