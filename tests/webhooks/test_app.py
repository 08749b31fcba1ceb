"""The receiver knows no vendor yet, and says so without reading a byte."""

from collections.abc import AsyncIterator

from httpx import ASGITransport, AsyncClient

from tests.fakes import FakeHealthCheck
from webhooks.app import build_app
from webhooks.ports import WebhookPorts


def open_client() -> AsyncClient:
    app = build_app(WebhookPorts(health=(FakeHealthCheck("db"), FakeHealthCheck("redis"))))
    return AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test")  # type: ignore[arg-type]


async def test_an_unknown_vendor_is_a_404_and_its_body_stays_unread() -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        read += 1
        yield b"{}"

    async with open_client() as client:
        answer = await client.post("/webhooks/acme", content=body())
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert answer.json()["trace_id"] == answer.headers["x-request-id"]
    assert read == 0


async def test_webhooks_are_posted() -> None:
    async with open_client() as client:
        answer = await client.get("/webhooks/acme")
    assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")


async def test_health_is_the_apis() -> None:
    async with open_client() as client:
        assert (await client.get("/health")).json()["status"] == "up"
