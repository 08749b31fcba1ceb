"""The HTTP server's protocol over a real socket: upgrades nobody offers, heads without end, HEAD."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from litestar import get, post
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse

from domain.edge.answers import AnyRequest
from domain.edge.app import build_edge
from domain.edge.bodies import read_body
from domain.edge.malformed import LARGEST_HEAD, ProblemProtocol

UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
NEXT = b"GET /here HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@post("/echo", status_code=200)
async def echo(request: AnyRequest) -> ASGIResponse:
    return ASGIResponse(body=await read_body(request.scope, request.receive))


@get("/here")
async def here() -> ASGIResponse:
    return ASGIResponse(body=b"here")


@get("/stream")
async def stream() -> ASGIStreamingResponse:
    async def tell() -> AsyncIterator[bytes]:
        while True:
            yield b"on and on"
            await asyncio.sleep(60)

    return ASGIStreamingResponse(iterator=tell())


@pytest.fixture
async def port() -> AsyncIterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            build_edge([echo, here, stream]), http=ProblemProtocol, ws="none", lifespan="off", log_config=None
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve(sockets=[listener]))
        yield int(listener.getsockname()[1])
        server.should_exit = True
        await serving


async def exchange(port: int, *pieces: bytes) -> bytes:
    """Everything that comes back until the server closes; each piece is a packet of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    try:
        return await reader.read()
    finally:
        writer.close()


def posted(body: bytes, headers: bytes) -> bytes:
    return b"POST /echo HTTP/1.1\r\nHost: x\r\n%bContent-Length: %d\r\n\r\n%b" % (headers, len(body), body)


@pytest.mark.parametrize("cut", [0, 30, 120, -3])
async def test_an_upgrade_is_ignored_and_the_body_and_the_next_request_are_read(port: int, cut: int) -> None:
    request = posted(b'{"a": 1}', UPGRADE) + NEXT
    answer = await exchange(port, request[:cut], request[cut:])
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert b'{"a": 1}' in answer
    assert answer.endswith(b"here")


async def test_a_chunked_body_after_an_upgrade_is_read(port: int) -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"Transfer-Encoding: chunked\r\n\r\n"
    answer = await exchange(port, head, b"4\r\n[1, \r\n", b"2\r\n2]\r\n0\r\n\r\n" + NEXT)
    assert b"[1, 2]" in answer
    assert answer.endswith(b"here")


async def test_a_tunnel_is_refused_in_a_word(port: int, caplog: pytest.LogCaptureFixture) -> None:
    answer = await exchange(port, b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\nhello")
    assert answer.startswith(b"HTTP/1.1 501 ")
    assert answer.count(b"application/problem+json") == 1
    assert not caplog.records  # each would be a stranger's to write, as often as they like


async def test_a_head_without_end_is_refused_and_the_connection_closed(port: int) -> None:
    filler = b"".join(b"X-%d: %b\r\n" % (number, b"y" * 1000) for number in range(LARGEST_HEAD // 1000 + 2))
    answer = await exchange(port, b"GET /here HTTP/1.1\r\nHost: x\r\n" + filler)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"application/problem+json" in answer


async def test_a_large_body_is_no_large_head(port: int) -> None:
    body = b"x" * (LARGEST_HEAD * 2)
    assert body in await exchange(port, posted(body, b""), posted(body, b""), NEXT)


async def test_head_is_answered_as_get_is_without_the_body(port: int) -> None:
    answer = await exchange(port, b"HEAD /here HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"content-length: 4" in answer
    assert answer.endswith(b"\r\n\r\n")


async def test_the_head_of_a_stream_leaves_the_connection_to_the_next_request(port: int) -> None:
    async with asyncio.timeout(5):
        answer = await exchange(port, b"HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n" + NEXT)
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert answer.endswith(b"here")
