"""Instances of a list, and whether they say that they are well."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from domain.balancing.instances import Instance
from tests.vendors.discovery.listening import heard
from tests.vendors.scripted import OK, Answer, hang_up, listening, say, stay_silent
from vendors.discovery.listed import Listed
from vendors.discovery.pings import HttpPings


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, follow_redirects=True) as client:
        yield client


async def test_a_list_is_said_once_and_never_ends() -> None:
    async with heard(Listed(["http://a/", Instance("http://b", 2)])) as lists:
        for _ in range(5):
            await asyncio.sleep(0)
    assert lists == [(Instance("http://a"), Instance("http://b", 2))]


async def test_a_success_is_well(http: httpx.AsyncClient) -> None:
    async with listening(say(OK)) as server:
        assert await HttpPings(http, "/health?deep=1").ping(Instance(server.url))
    assert server.received[0].line == "GET /health?deep=1 HTTP/1.1"


async def test_a_body_that_never_ends_is_not_read(http: httpx.AsyncClient) -> None:
    async with listening(say(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{")) as server:
        assert await HttpPings(http, "/health").ping(Instance(server.url))


@pytest.mark.parametrize(
    "answer",
    [
        say(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"),
        say(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
        say(b"HTTP/1.1 302 Elsewhere\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"),
        say(b"rubbish\r\n\r\n", then_close=True),
        hang_up,
    ],
)
async def test_everything_else_is_not(http: httpx.AsyncClient, answer: Answer) -> None:
    async with listening(answer) as server:
        assert not await HttpPings(http, "/health").ping(Instance(server.url))
    assert len(server.received) == 1


async def test_nothing_in_time_is_not_well(http: httpx.AsyncClient) -> None:
    async with listening(stay_silent) as server:
        assert not await HttpPings(http, "/health", timeout_seconds=0.05).ping(Instance(server.url))


async def test_nobody_there_is_not_well(http: httpx.AsyncClient) -> None:
    async with listening() as gone:
        pass
    assert not await HttpPings(http, "/health").ping(Instance(gone.url))
