"""`GET /config/{service}/events`: the newest version and each later one, for as long as the client may hear of it."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta

import pytest
from litestar.types import ASGIApp

from api.configuration_events import ConfigurationWatch
from api.event_streams import HEARTBEAT
from api.ports import ApiPorts
from domain.callers import Caller, Role
from domain.errors import TooMany, Unauthenticated, Unavailable
from tests.api.apps import app_of
from tests.api.streams import Stream, opened, parse_event
from tests.fakes import FakeCallers
from tests.fakes_configurations import FakeConfigurations, a_configuration


@pytest.fixture
def kept() -> FakeConfigurations:
    kept = FakeConfigurations()
    kept.stored["orders"] = [a_configuration()]
    return kept


@pytest.fixture
def callers() -> FakeCallers:
    return FakeCallers(svc=Caller("service:orders", Role.SERVICE))


@pytest.fixture
def app(ports: ApiPorts, kept: FakeConfigurations, callers: FakeCallers) -> ASGIApp:
    return app_of(replace(ports, configurations=kept, callers=callers))


def watching(app: ASGIApp, seen: str | None = None) -> AbstractAsyncContextManager[Stream]:
    headers = {"Authorization": "Bearer svc"} | ({} if seen is None else {"Last-Event-ID": seen})
    return opened(app, "/config/orders/events", headers)


async def test_the_newest_version_and_each_later_one_are_told(app: ASGIApp, kept: FakeConfigurations) -> None:
    async with asyncio.timeout(5), watching(app) as stream:
        status, headers = await stream.head()
        assert (status, headers["content-type"]) == (200, "text/event-stream")
        assert await stream.event() == {"event": "configuration", "id": "1", "data": '{"a":1}'}
        await kept.waiting.wait()
        await kept.add(a_configuration(number=2, text='{"a":\r\n2}'))
        event = await stream.event()
        assert (event["id"], event["data"]) == ("2", '{"a":\n2}')


@pytest.mark.parametrize(("seen", "told"), [("1", "2"), ("0", "1"), ("7", "1"), ("two", "1"), ("-1", "1")])
async def test_who_comes_back_is_told_what_it_has_not_seen(
    app: ASGIApp, kept: FakeConfigurations, seen: str, told: str
) -> None:
    async with asyncio.timeout(5), watching(app, seen) as stream:
        await stream.head()
        if told == "2":
            await kept.waiting.wait()
            await kept.add(a_configuration(number=2))
        assert (await stream.event())["id"] == told


async def test_what_was_never_put_is_not_found(app: ASGIApp, kept: FakeConfigurations) -> None:
    kept.stored.clear()
    async with asyncio.timeout(5), watching(app) as stream:
        assert (await stream.head())[0] == 404


async def test_a_stop_of_the_process_ends_the_stream(app: ASGIApp, ports: ApiPorts, kept: FakeConfigurations) -> None:
    async with asyncio.timeout(5), watching(app, "1") as stream:
        await stream.head()
        await kept.waiting.wait()
        ports.stopping.set()
        assert await stream.piece() in (b"", HEARTBEAT)


async def test_a_client_that_leaves_waits_no_longer(app: ASGIApp, kept: FakeConfigurations) -> None:
    async with asyncio.timeout(5), watching(app, "1") as stream:
        await stream.head()
        await kept.waiting.wait()
        stream.leave()
        while kept.waiting.is_set():
            await asyncio.sleep(0)


async def test_who_is_shut_out_meanwhile_is_told_no_more(
    app: ASGIApp, kept: FakeConfigurations, callers: FakeCallers
) -> None:
    async with asyncio.timeout(5), watching(app, "1") as stream:
        await stream.head()
        await kept.waiting.wait()
        callers.forget()
        await kept.add(a_configuration(number=2))
        assert await stream.piece() == b""


def quick(kept: FakeConfigurations, *answers: Exception | None) -> ConfigurationWatch:
    """One whose client may go on as the test says, and then for ever."""
    left = [*answers]

    async def ask_again() -> None:
        if left and (answer := left.pop(0)) is not None:
            raise answer

    return ConfigurationWatch(kept, "orders", asyncio.Event(), ask_again, 0.001, 0.001)


async def test_silence_is_broken_by_a_comment(kept: FakeConfigurations) -> None:
    pieces = quick(kept).tell(1)
    assert [await anext(pieces) for _ in range(2)] == [HEARTBEAT] * 2
    await pieces.aclose()


@pytest.mark.parametrize(
    "fault", [Unavailable("away"), TooMany("too many", retry_after=timedelta(0))], ids=["away", "busy"]
)
async def test_a_directory_that_is_away_for_a_while_ends_no_stream_and_lets_nothing_out(
    kept: FakeConfigurations, fault: Exception
) -> None:
    pieces = quick(kept, fault, fault).tell(0)
    told = [await anext(pieces) for _ in range(3)]
    assert told[:2] == [HEARTBEAT] * 2
    assert parse_event(told[2].decode())["id"] == "1"


async def test_a_store_that_is_away_for_a_while_ends_no_stream(kept: FakeConfigurations) -> None:
    kept.down = True
    pieces = quick(kept).tell(0)
    assert await anext(pieces) == HEARTBEAT
    kept.down = False
    assert parse_event((await anext(pieces)).decode())["id"] == "1"


async def test_the_gates_no_ends_it(kept: FakeConfigurations) -> None:
    assert [piece async for piece in quick(kept, Unauthenticated("no")).tell(0)] == []
