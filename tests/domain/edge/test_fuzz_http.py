"""
What is no HTTP, or hardly any, over a real socket: every connection ends with whole answers or none, nothing leaks.

Slow: a server of its own; what a client may dawdle is cut to a fraction of a second.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar import get, post
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse

from domain.edge.answers import AnyRequest
from domain.edge.app import build_edge
from domain.edge.bodies import read_body
from domain.edge.malformed import LARGEST_HEAD, ProblemProtocol

GET = b"GET /here HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /here HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n"


class Hasty(ProblemProtocol):
    patience_seconds = 0.1


@post("/echo", status_code=200)
async def echo(request: AnyRequest) -> ASGIResponse:
    """The body, and the headers that stand in the scope once it is read."""
    body = await read_body(request.scope, request.receive)
    names = b",".join(name for name, _ in request.scope["headers"])
    return ASGIResponse(body=b"%b|%b" % (body, names))


@get("/here")
async def here() -> ASGIResponse:
    return ASGIResponse(body=b"here")


@get("/stream")
async def stream() -> ASGIStreamingResponse:
    async def tell() -> AsyncIterator[bytes]:
        while True:
            yield b"on and on"
            await asyncio.sleep(0.01)

    return ASGIStreamingResponse(iterator=tell())


@dataclass(frozen=True)
class Served:
    port: int
    state: uvicorn.server.ServerState

    async def say(self, *pieces: bytes) -> bytes:
        """Everything that comes back until the server closes."""
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
                return await reader.read()
            except OSError:  # it closed while we spoke
                return b""
            finally:
                writer.close()

    async def is_at_rest(self) -> None:
        """Waits until it has no connection and no request left."""
        async with asyncio.timeout(5):
            while self.state.connections or self.state.tasks:
                await asyncio.sleep(0.01)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = build_edge([echo, here, stream])
        config = uvicorn.Config(app, http=Hasty, ws="none", lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve(sockets=[listener]))
        yield Served(int(listener.getsockname()[1]), server.server_state)
        server.should_exit = True
        await serving


LINES = [
    b" HTTP/1.1",
    b" HTTP/1.0",
    b" HTTP/9.9",
    b"Host: x",
    b"Host: \xff",
    b"Expect: 100-continue",
    b"X-Request-ID: a b",
]
LINES += [
    b"Content-Length: " + length
    for length in (b"3", b"3, 4", b"-1", b"99999999999999999999999", b"9223372036854775807")
]
LINES += [b"Transfer-Encoding: " + coding for coding in (b"chunked", b"gzip", b"chunked, x")]
LINES += [
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"3\r\nabc",
    b"0\r\n",
    b"0\r\nTrailer: x\r\n",
    b"f" * 18,
    b"-1",
    b"3;x=y\r\nabc",
]
BITS = [
    b"GET ",
    b"POST ",
    b"CONNECT ",
    b"FOO ",
    b"/here",
    b"/echo",
    b"*",
    b"http://x/here",
    b"/%ff%00",
    b"/\xff",
    b"?a=%",
    b"#",
]
BITS += [b"\r\n", b"\n", b"\r", b"\x00", b" ", b"\t", b":", b"abc"]
TOKENS = st.sampled_from([line + b"\r\n" for line in LINES] + BITS)
REQUESTS = st.sampled_from([GET, b"OPTIONS /here HTTP/1.1\r\nHost: x\r\n\r\n", POST + b"Content-Length: 2\r\n\r\nhi"])
NOISE = st.lists(st.one_of(TOKENS, REQUESTS, st.binary(max_size=20)), max_size=14)


@given(pieces=NOISE)
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
async def test_no_bytes_make_a_500_or_leave_anything_behind(served: Served, pieces: list[bytes]) -> None:
    answer = await served.say(*pieces, LAST)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
    assert b"HTTP/1.1 5" not in answer
    assert (await served.say(LAST)).endswith(b"here")
    await served.is_at_rest()


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"Content-Length: +3\r\n\r\nabc",
        b"Content-Length: 99999999999999999999999\r\n\r\n",
        b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
    ],
)
async def test_a_body_of_doubtful_length_is_refused_and_what_follows_is_not_read(
    served: Served, framing: bytes
) -> None:
    """Two servers that find different ends of one request are how requests are smuggled (RFC 9112, section 11.2)."""
    answer = await served.say(POST + framing + GET)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1


async def test_requests_in_one_packet_are_answered_in_their_order(served: Served) -> None:
    posts = b"".join(POST + b"Content-Length: 2\r\n\r\n%02d" % number for number in range(20))
    answer = await served.say(posts + LAST)
    found = [answer.find(b"%02d|" % number) for number in range(20)]
    assert -1 not in found
    assert found == sorted(found)
    assert answer.endswith(b"here")


async def test_trailers_are_no_headers(served: Served) -> None:
    """A proxy that vets `X-Forwarded-For` or strips credentials looks at the head only."""
    answer = await served.say(CHUNKED + b"\r\n2\r\nhi\r\n0\r\nX-Forwarded-For: 1.2.3.4\r\nHost: y\r\n\r\n" + LAST)
    assert b"hi|host,transfer-encoding" in answer
    assert b"x-forwarded-for" not in answer


@pytest.mark.parametrize("line", [b"X: y\r\n", b"y"])
async def test_trailers_without_end_are_refused(served: Served, line: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(CHUNKED + b"Expect: 100-continue\r\n\r\n2\r\nhi\r\n0\r\n")
    async with asyncio.timeout(5):
        await reader.readuntil(b"100 Continue\r\n\r\n")  # what came so far is read
        writer.write(b"X: " + line * (LARGEST_HEAD // len(line) + 1))
        assert (await reader.readline()).startswith(b"HTTP/1.1 431 ")
    writer.close()


@pytest.mark.parametrize(
    ("begun", "status"),
    [
        (b"GET /here HT", b"408"),
        (b"GET /here HTTP/1.1\r\nHost: x\r\n", b"408"),
        (POST + b"Content-Length: 5\r\n\r\n", b"408"),
        (POST + b"Content-Length: 5\r\n\r\nab", b"408"),
        (CHUNKED + b"\r\n2\r\nhi\r\n", b"408"),
        (GET + b"GET /he", b"200"),
        (b"", b""),
    ],
)
async def test_who_begins_and_does_not_go_on_is_hung_up_on(served: Served, begun: bytes, status: bytes) -> None:
    answer = await served.say(begun)
    assert answer[9:12] == status
    await served.is_at_rest()


async def test_who_sends_byte_by_byte_does_not_win_time(served: Served) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x")
            await asyncio.sleep(0.02)

    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(POST + b"Content-Length: 1000\r\n\r\n")
    dripping = asyncio.create_task(drip(writer))
    async with asyncio.timeout(5):
        assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
    dripping.cancel()
    writer.close()


async def test_a_slow_answer_is_no_slow_client(served: Served) -> None:
    """The next request has begun behind a stream: nobody is hung up on while it waits for that to end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\nGET /he")
    async with asyncio.timeout(10):
        told = await reader.readexactly(2_000)  # at fifty times nine bytes in a second and their frames: over a second
    assert told.startswith(b"HTTP/1.1 200 ")
    writer.close()
    await served.is_at_rest()


async def test_a_stream_with_a_request_behind_it_ends_when_its_client_leaves(served: Served) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n" + GET)
    async with asyncio.timeout(5):
        while not served.state.tasks:
            await asyncio.sleep(0.01)
    writer.close()
    await served.is_at_rest()
