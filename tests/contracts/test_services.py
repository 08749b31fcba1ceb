"""Requests to services over real sockets: passed on as they came, streamed both ways, ended with their client."""

import asyncio
import re

import pytest

from domain.breakers import CallOutcome
from tests.contracts.service_world import Peer, World, handmade, samples, table, world_of

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ENDLESS = 200 * 1024 * 1024
KERNELS = 64 * 1024 * 1024  # what the sockets' buffers on the way may hold, and more


async def answer_once(peer: Peer) -> None:
    await peer.reader.readuntil(b"\r\n\r\n")
    await peer.send(ANSWER)
    await peer.reader.read()


async def test_calls_go_round_and_each_instance_gets_as_many() -> None:
    async with samples(3) as instances, world_of([each.url for each in instances]) as world:
        answers = [await world.http.get("/services/user/profile") for _ in range(30)]
        assert {answer.json()["instance"] for answer in answers} == {"user-1", "user-2", "user-3"}
        assert [each.calls for each in instances] == [10, 10, 10]
        assert world.breakers.outcomes == [CallOutcome.OK] * 30


async def test_a_request_arrives_byte_for_byte_under_the_instances_own_address() -> None:
    heads: list[bytes] = []

    async def treat(peer: Peer) -> None:
        heads.append(await peer.reader.readuntil(b"\r\n\r\n"))
        await peer.send(ANSWER)

    async with handmade(treat) as instance, world_of([instance.url]) as world:
        peer = await world.connect()
        lines = (
            "X-Gateway-Client: admin",
            "X_Gateway_Roles: admin",
            "Connection: close, X-Hop",
            "X-Hop: 1",
            "X-End: é",
            "traceparent: garbled",
            "tracestate: of=it",
        )
        await peer.ask("GET", "/services/user/a%2Fb//c/;v=1?q=%2e%2e&q=a/../b&%zz", *lines)
        assert (await peer.head())[0] == 200
    first, *told = heads[0].decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in told if line)}
    assert first == "GET /a%2Fb//c/;v=1?q=%2e%2e&q=a/../b&%zz HTTP/1.1"
    assert headers.pop("host") == instance.url.removeprefix("http://")
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-00", headers.pop("traceparent"))
    assert headers.pop("x-request-id")
    assert headers == {
        "x-end": "é",
        "via": "1.1 gateway",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "http",
        "x-forwarded-host": "gateway",
        "x-forwarded-prefix": "/services/user",
        "x-gateway-client": "user:alice",
        "x-gateway-roles": "user",
    }


async def test_bodies_are_framed_as_they_came() -> None:
    async with samples(1) as instances, world_of([instances[0].url]) as world:

        async def pieces() -> object:
            for _ in range(3):
                yield b"x" * 100_000

        whole = (await world.http.post("/services/user/echo", content=b"x" * 300_000)).json()
        chunked = (await world.http.put("/services/user/echo", content=pieces())).json()  # type: ignore[arg-type]
        none = (await world.http.delete("/services/user/echo")).json()
        assert (whole["body_bytes"], chunked["body_bytes"], none["body_bytes"]) == (300_000, 300_000, 0)
        assert (whole["headers"]["content-length"], chunked["headers"]["transfer-encoding"]) == ("300000", "chunked")
        assert "content-length" not in chunked["headers"]
        assert "transfer-encoding" not in whole["headers"]


async def test_a_piece_is_there_before_the_next_is_sent_in_both_directions() -> None:
    async def echo(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while piece := await peer.chunk():
            await peer.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        await peer.send(b"0\r\nX-Trailer: 1\r\n\r\n")

    async with handmade(echo) as instance, world_of([instance.url]) as world:
        peer = await world.connect()
        await peer.ask("POST", "/services/user/echo", "Transfer-Encoding: chunked")
        assert (await peer.head())[1]["transfer-encoding"] == "chunked"
        for word in (b"one", b"two", b"three"):
            await peer.send(b"%x\r\n%b\r\n" % (len(word), word))
            assert await peer.chunk() == word
        await peer.send(b"0\r\nX-Trailer: 1\r\n\r\n")
        assert await peer.exactly(5) == b"0\r\n\r\n"


async def test_a_slow_reader_slows_the_instance() -> None:
    sent = asyncio.Semaphore(0)
    written = 0

    async def pour(peer: Peer) -> None:
        nonlocal written
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % ENDLESS)
        while written < ENDLESS:
            await peer.send(bytes(65536))
            written += 65536
            sent.release()

    async with handmade(pour) as instance, world_of([instance.url]) as world:
        peer = await world.connect()
        peer.reader._limit = 1024  # type: ignore[attr-defined]  # its buffer is no place for an answer either
        await peer.ask("GET", "/services/user/x")
        await peer.head()
        await still(sent)
        assert 0 < written < KERNELS
        await peer.leave()
        await within(instance.gone.wait())


async def test_a_slow_instance_slows_the_writer() -> None:
    hold = asyncio.Event()

    async def look_away(peer: Peer) -> None:
        peer.reader._limit = 1024  # type: ignore[attr-defined]
        await hold.wait()

    sent = asyncio.Semaphore(0)
    written = 0

    async def pour(peer: Peer) -> None:
        nonlocal written
        while written < ENDLESS:
            await peer.send(bytes(65536))
            written += 65536
            sent.release()

    async with handmade(look_away) as instance, world_of([instance.url]) as world:
        peer = await world.connect()
        await peer.ask("POST", "/services/user/x", f"Content-Length: {ENDLESS}")
        pouring = asyncio.create_task(pour(peer))
        await still(sent)
        assert 0 < written < KERNELS
        pouring.cancel()
        await peer.leave()
        hold.set()


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal"])
async def test_a_client_that_leaves_takes_its_call_along(begun: bytes) -> None:
    arrived = asyncio.Event()

    async def wait(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(begun)
        arrived.set()
        await peer.reader.read()

    async with handmade(wait) as instance, world_of([instance.url]) as world:
        peer = await world.connect()
        await peer.ask("GET", "/services/user/x")
        await within(arrived.wait())
        if begun:
            await peer.head()
        await peer.leave()
        await within(instance.gone.wait())
        await until(lambda: bool(world.breakers.reports))
        assert world.breakers.outcomes == [CallOutcome.IGNORED]


async def test_one_that_leaves_in_the_middle_of_its_body_does_too() -> None:
    came: list[bytes] = []

    async def wait(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        came.append(await peer.exactly(3))
        await peer.reader.read()

    async with handmade(wait) as instance, world_of([instance.url]) as world:
        peer = await world.connect()
        await peer.ask("POST", "/services/user/x", "Content-Length: 9", body=b"hal")
        await until(lambda: bool(came))
        await peer.leave()
        await within(instance.gone.wait())
        await until(lambda: bool(world.breakers.reports))
        assert world.breakers.outcomes == [CallOutcome.IGNORED]


@pytest.mark.parametrize(
    ("method", "sent", "status", "length"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", 200, "7"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", 204, None),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: x\r\n\r\n", 304, None),
        ("GET", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", 204, None),
        ("POST", b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", 500, "0"),
        ("POST", b"HTTP/1.1 303 See Other\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", 303, "0"),
    ],
)
async def test_an_answer_comes_back_as_it_is(method: str, sent: bytes, status: int, length: str | None) -> None:
    async def treat(peer: Peer) -> None:
        while await peer.reader.readuntil(b"\r\n\r\n"):
            await peer.send(sent)

    async with handmade(treat) as instance, world_of([instance.url]) as world:
        peer = await world.connect()
        for _ in range(2):  # nothing is left over that the next answer would begin with
            await peer.ask(method, "/services/user/x")
            code, headers = await peer.head()
            assert (code, headers.get("content-length")) == (status, length)
            assert (headers["via"], "transfer-encoding" in headers) == ("1.1 gateway", False)


@pytest.mark.parametrize(
    ("method", "head"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n"),
    ],
)
async def test_a_body_that_may_not_be_is_nobodys(method: str, head: bytes) -> None:
    async def treat(peer: Peer) -> None:
        while await peer.reader.readuntil(b"\r\n\r\n"):
            await peer.send(head + b"ok")

    async with handmade(treat) as instance, world_of([instance.url]) as world:
        told = [await world.http.request(method, "/services/user/x") for _ in range(2)]
        assert [(answer.status_code in {200, 204, 304}, answer.text) for answer in told] == [(True, "")] * 2
        assert instance.connections == 2


@pytest.mark.parametrize("path", ["profile", "bytes/100000"])
async def test_a_sample_shows_its_head_alone(path: str) -> None:
    async with samples(1) as instances:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(instances[0].url.rpartition(":")[2]))
        peer = Peer(reader, writer)
        try:
            for _ in range(2):
                await peer.ask("HEAD", f"/{path}")
                assert (await peer.head())[0] == 200
        finally:
            writer.close()


async def ask_as_of_old(world: World) -> Peer:
    peer = await world.connect()
    await peer.send(b"GET /services/user/x HTTP/1.0\r\nAuthorization: Bearer alice\r\n\r\n")
    return peer


async def test_who_knows_no_chunks_gets_none() -> None:
    async def treat(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", b"2\r\n, \r\n0\r\n\r\n")

    async with handmade(treat) as instance, world_of([instance.url]) as world:
        peer = await ask_as_of_old(world)
        assert "transfer-encoding" not in (await peer.head())[1]
        assert await peer.until_closed() == b"hello, "


async def test_and_half_an_answer_looks_like_none_that_is_whole() -> None:
    async def treat(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")

    async with handmade(treat) as instance, world_of([instance.url]) as world:
        peer = await ask_as_of_old(world)
        with pytest.raises(ConnectionResetError):
            await peer.reader.read()


async def test_an_announcement_is_waited_for_here() -> None:
    async with samples(1) as instances, world_of([instances[0].url]) as world:
        peer = await world.connect()
        await peer.ask("POST", "/services/user/echo", "Content-Length: 3", "Expect: 100-continue")
        assert (await peer.head())[0] == 100
        await peer.send(b"abc")
        status, headers = await peer.head()
        told = await peer.exactly(int(headers["content-length"]))
        assert status == 200
        assert b'"body_bytes":3' in told
        assert b"expect" not in told


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 5, 5",),
        ("Content-Length: +5",),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: identity",),
        ("Transfer-Encoding : chunked",),
        ("Transfer-Encoding: xchunked",),
    ],
)
async def test_what_could_hide_a_second_request_reaches_nobody(lines: tuple[str, ...]) -> None:
    async with handmade(answer_once) as instance, world_of([instance.url]) as world:
        peer = await world.connect()
        await peer.ask("POST", "/services/user/x", *lines, body=b"0\r\n\r\nGET /services/user/y HTTP/1.1\r\n\r\n")
        assert (await peer.head())[0] == 400
        assert instance.connections == 0


async def test_a_websocket_is_refused_and_any_other_upgrade_passed_over() -> None:
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: eA==", "Sec-WebSocket-Version: 13")
    async with samples(1) as instances, world_of([instances[0].url]) as world:
        peer = await world.connect()
        await peer.ask("GET", "/services/user/echo", *upgrade)
        status, headers = await peer.head()
        assert (status, headers["content-type"]) == (501, "application/problem+json")
        assert instances[0].calls == 0
        other = await world.connect()
        await other.ask("GET", "/services/user/echo", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c")
        status, headers = await other.head()
        assert status == 200
        assert b"upgrade" not in (await other.exactly(int(headers["content-length"]))).lower()


async def test_a_table_that_is_read_again_holds_at_once_and_a_broken_one_never() -> None:
    async with samples(2) as instances, world_of([instances[0].url]) as world:
        world.tables["user"] = table([instances[1].url])
        assert world.services.reload()
        assert (await world.http.get("/services/user/profile")).json()["instance"] == "user-2"
        del world.tables["user"]
        assert world.services.reload()
        assert (await world.http.get("/services/user/profile")).status_code == 404


async def test_a_body_over_the_services_cap_ends_before_all_of_it_came() -> None:
    async with samples(1) as instances, world_of([instances[0].url], max_body_bytes=10) as world:

        async def pieces() -> object:
            for _ in range(3):
                yield b"12345"

        announced = await world.http.post("/services/user/echo", content=b"x" * 11)
        streamed = await world.http.post("/services/user/echo", content=pieces())  # type: ignore[arg-type]
        just = await world.http.post("/services/user/echo", content=b"x" * 10)
        assert (announced.status_code, streamed.status_code, just.status_code) == (413, 413, 200)
        assert instances[0].calls == 1
        assert CallOutcome.FAILED not in world.breakers.outcomes


async def within(something: object) -> None:
    async with asyncio.timeout(20):
        await something  # type: ignore[misc]


async def until(condition: object) -> None:
    async with asyncio.timeout(20):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.01)


async def still(steps: asyncio.Semaphore) -> None:
    """Until for a while no further step is made."""
    async with asyncio.timeout(60):
        while True:
            try:
                async with asyncio.timeout(0.5):
                    await steps.acquire()
            except TimeoutError:
                return
