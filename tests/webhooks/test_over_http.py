"""The receiver behind the real HTTP server: what only bytes on a socket can show."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn

from domain.edge.bodies import LARGEST_BODY
from domain.edge.malformed import ProblemProtocol
from tests.fakes import FakeFailureLimit, FakeInbox, FakeWebhookReader
from webhooks.app import build_app
from webhooks.ports import WebhookPorts

HEAD = b"POST /webhooks/acme HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Signed: evt_1\r\nTransfer-Encoding: chunked\r\n\r\n"
LENGTH = b"Signed: evt_1\r\nContent-Length: %d\r\n"


class Peer:
    """One connection to the receiver."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()

    async def status(self) -> int:
        """Of the next answer, whose body is read too."""
        async with asyncio.timeout(10):
            head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
            length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
            await self._reader.readexactly(int(length.split(b":")[1]))
        return int(head.split()[1])


@pytest.fixture
async def peer(ports: WebhookPorts) -> AsyncIterator[Peer]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(build_app(ports), http=ProblemProtocol, ws="none", lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve(sockets=[listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        yield Peer(reader, writer)
        writer.close()
        server.should_exit = True
        await serving


async def test_a_chunked_body_without_end_is_a_413_while_it_streams(
    peer: Peer, inbox: FakeInbox, failures: FakeFailureLimit
) -> None:
    await peer.send(CHUNKED, *[b"10000\r\n" + b"x" * 0x10000 + b"\r\n"] * (LARGEST_BODY // 0x10000 + 1))
    assert await peer.status() == 413  # its last chunk never came
    assert (inbox.stored, failures.failures.total()) == ([], 0)


async def test_an_announced_length_over_the_cap_is_a_413_before_the_body(peer: Peer) -> None:
    await peer.send(HEAD + LENGTH % (LARGEST_BODY + 1) + b"\r\n")
    assert await peer.status() == 413


async def test_who_asks_before_sending_is_told_without_being_told_to_go_on(peer: Peer) -> None:
    await peer.send(HEAD + LENGTH % (LARGEST_BODY + 1) + b"Expect: 100-continue\r\n\r\n")
    assert await peer.status() == 413


async def test_a_body_of_exactly_the_cap_is_taken_raw(peer: Peer, inbox: FakeInbox) -> None:
    body = (b'{ "a":\t1 }\r\n' * LARGEST_BODY)[:LARGEST_BODY]
    await peer.send(HEAD + LENGTH % LARGEST_BODY + b"\r\n", body)
    assert await peer.status() == 202
    assert inbox.stored[0].body == body


async def test_headers_of_any_bytes_are_answered_and_the_connection_goes_on(
    peer: Peer, reader: FakeWebhookReader, inbox: FakeInbox
) -> None:
    await peer.send(HEAD + b"Webhook-Signature: v1,\xff\xfe\xc3\xa9\r\nContent-Length: 1\r\n\r\nr")
    assert await peer.status() == 401
    assert reader.headers["webhook-signature"] == "v1,\xff\xfe\xc3\xa9"
    await peer.send(HEAD + LENGTH % 1 + b"\r\nr")
    assert await peer.status() == 202
    assert len(inbox.stored) == 1


async def test_a_signature_on_two_lines_is_none(peer: Peer, inbox: FakeInbox) -> None:
    await peer.send(HEAD + b"Signed: evt_1\r\nSIGNED: evt_2\r\nContent-Length: 1\r\n\r\nr")
    assert await peer.status() == 401
    assert not inbox.stored
