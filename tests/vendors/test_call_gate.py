"""A call's gate stands between its connection and its first byte."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from domain.errors import NotNow
from domain.request_ids import new_request_id
from domain.vendors import Call
from vendors.http import VendorHttp, VendorRequest

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"


@dataclass
class Listener:
    """Answers every request, and counts connections and bytes."""

    port: int = 0
    connections: int = 0
    received: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while head := await reader.read(65_536):
            self.received += len(head)
            writer.write(REPLY)
        writer.close()

    @property
    def request(self) -> VendorRequest:
        return VendorRequest("GET", httpx.URL(f"http://127.0.0.1:{self.port}/"), {}, b"")


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    listener = Listener()
    async with await asyncio.start_server(listener.serve, "127.0.0.1", 0) as server:
        listener.port = server.sockets[0].getsockname()[1]
        yield listener


CALL = Call(new_request_id(), "{}", timedelta(seconds=5))


async def test_the_gate_is_asked_when_the_connection_is_there_and_nothing_has_left() -> None:
    seen: list[tuple[int, int]] = []
    async with listening() as listener, VendorHttp() as http:

        async def gate() -> None:
            while not listener.connections:
                await asyncio.sleep(0.001)
            seen.append((listener.connections, listener.received))

        assert (await http.send(listener.request, replace(CALL, gate=gate), max_bytes=10)).body == b"{}"
    assert seen == [(1, 0)]


async def test_a_call_that_may_not_start_sends_nothing_and_leaves_its_connection_to_the_next() -> None:
    until = datetime.now(UTC)

    async def gate() -> None:
        raise NotNow("held back", until=until)

    async with listening() as listener, VendorHttp() as http:
        with pytest.raises(NotNow) as held:
            await http.send(listener.request, replace(CALL, gate=gate), max_bytes=10)
        assert (held.value.until, listener.received) == (until, 0)
        await http.send(listener.request, CALL, max_bytes=10)
        assert listener.connections == 1


async def test_a_call_that_is_cancelled_at_its_gate_sends_nothing() -> None:
    reached = asyncio.Event()

    async def gate() -> None:
        reached.set()
        await asyncio.Event().wait()

    async with listening() as listener, VendorHttp() as http:
        send = asyncio.create_task(http.send(listener.request, replace(CALL, gate=gate), max_bytes=10))
        await reached.wait()
        send.cancel()
        await asyncio.wait({send})
        assert (send.cancelled(), listener.received) == (True, 0)
        await http.send(listener.request, CALL, max_bytes=10)
        assert listener.connections == 1


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_its_leaving_is_noted_after_the_gate_and_before_it_can_have_arrived(method: str) -> None:
    events: list[str] = []
    async with listening() as listener, VendorHttp() as http:

        async def gate() -> None:
            events.append("gate")

        def note_sent() -> None:
            events.append(f"sent after {listener.received}")

        body = b"{}" if method == "POST" else b""
        request = replace(listener.request, method=method, body=body)
        await http.send(request, replace(CALL, gate=gate, note_sent=note_sent), max_bytes=10)
    assert (events[0], set(events[1:])) == ("gate", {"sent after 0"})


async def test_what_was_held_back_at_the_gate_never_left() -> None:
    async def gate() -> None:
        raise NotNow("held back", until=datetime.now(UTC))

    left: list[str] = []
    call = replace(CALL, gate=gate, note_sent=lambda: left.append("sent"))
    async with listening() as listener, VendorHttp() as http:
        with pytest.raises(NotNow):
            await http.send(listener.request, call, max_bytes=10)
    assert left == []
