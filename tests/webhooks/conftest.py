"""The receiver on fakes, and a sender whose webhooks are good unless a test spoils them."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
from httpx import ASGITransport, AsyncClient

from tests.fakes import FakeFailureLimit, FakeHealthCheck, FakeInbox, FakeWebhookReader
from webhooks.app import build_app
from webhooks.ports import WebhookPorts

PATH = "/webhooks/acme"
GOOD = {"signed": "evt_1"}

ClientFrom = Callable[..., AsyncClient]


@pytest.fixture
def inbox() -> FakeInbox:
    return FakeInbox()


@pytest.fixture
def reader() -> FakeWebhookReader:
    return FakeWebhookReader()


@pytest.fixture
def failures() -> FakeFailureLimit:
    return FakeFailureLimit(tolerated=3)


@pytest.fixture
def ports(inbox: FakeInbox, reader: FakeWebhookReader, failures: FakeFailureLimit) -> WebhookPorts:
    health = (FakeHealthCheck("db"), FakeHealthCheck("redis"))
    return WebhookPorts(
        readers={"acme": reader, "globex": FakeWebhookReader()}, inbox=inbox, failures=failures, health=health
    )


@pytest.fixture
def client_from(ports: WebhookPorts) -> ClientFrom:
    def open_client(address: str, *, trusted_hops: int = 0) -> AsyncClient:
        app = build_app(replace(ports, trusted_hops=trusted_hops))
        transport = ASGITransport(app, client=(address, 4711))  # type: ignore[arg-type]
        return AsyncClient(transport=transport, base_url="http://gateway.test")

    return open_client


@pytest.fixture
async def client(client_from: ClientFrom) -> AsyncIterator[AsyncClient]:
    async with client_from("192.0.2.1") as client:
        yield client
