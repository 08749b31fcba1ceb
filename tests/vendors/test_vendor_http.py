"""`VendorHttp` against real sockets: what was sent, how often, and what is said when it breaks."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from domain.errors import OutcomeUnknown
from domain.vendors import Call
from tests.vendors.scripted import OK, answer_ok, hang_up, listening, say, stay_silent
from vendors.errors import NotSent, ReplyTooLarge, ReplyUnreadable, Unsendable
from vendors.http import VendorHttp, VendorRequest
from vendors.transport import OneShotTransport

MakeCall = Callable[..., Call]


@pytest.fixture
async def http() -> AsyncIterator[VendorHttp]:
    async with VendorHttp() as client:
        yield client


def request_to(url: str, method: str = "POST", body: bytes = b"{}", **headers: str) -> VendorRequest:
    return VendorRequest(method, httpx.URL(url), headers, body)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def head(*fields: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode("latin-1")


async def test_a_reply_is_its_status_its_headers_and_its_body(http: VendorHttp, make_call: MakeCall) -> None:
    async with listening() as vendor:
        reply = await http.send(request_to(vendor.url), make_call(), max_bytes=100)
    assert (reply.status, reply.headers["content-type"], reply.body) == (200, "application/json", b'{"done": true}')


@pytest.mark.parametrize("reason", ["Créé".encode("latin-1"), "Créé".encode(), b"", b"\xff\xfe"])
async def test_the_words_beside_a_status_say_nothing(http: VendorHttp, make_call: MakeCall, reason: bytes) -> None:
    told = b"HTTP/1.1 201 " + reason + b"\r\nContent-Length: 2\r\n\r\n{}"
    async with listening(say(told)) as vendor:
        reply = await http.send(request_to(vendor.url), make_call(), max_bytes=100)
    assert (reply.status, reply.body) == (201, b"{}")


async def test_every_call_carries_its_key_its_id_a_trace_and_the_tables_headers(
    http: VendorHttp, make_call: MakeCall
) -> None:
    async with listening() as vendor:
        call = make_call(traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01")
        await http.send(request_to(vendor.url, body=b'{"a": 1}', Authorization="Bearer t"), call, max_bytes=100)
    [received] = vendor.received
    assert received.headers["idempotency-key"] == f"{call.request_id}:call:1"
    assert received.headers["x-request-id"] == str(call.request_id)
    assert received.headers["traceparent"].startswith("00-" + "a" * 32)
    assert received.headers["traceparent"].endswith("-01")
    assert "b" * 16 not in received.headers["traceparent"]
    assert received.headers["authorization"] == "Bearer t"
    assert received.headers["content-type"] == "application/json"
    assert received.headers["user-agent"] == "vendor-gateway"
    assert received.body == b'{"a": 1}'


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\x00b", "\x7f", "ü"])
async def test_a_header_that_http_does_not_allow_is_refused_and_nothing_is_sent(
    http: VendorHttp, make_call: MakeCall, value: str
) -> None:
    async with listening() as vendor:
        with pytest.raises(Unsendable):
            await http.send(request_to(vendor.url, Authorization=value), make_call(), max_bytes=100)
    assert vendor.connections == 0


class TestNothingWasSent:
    async def test_when_the_connection_is_refused(self, http: VendorHttp, make_call: MakeCall) -> None:
        with pytest.raises(NotSent):
            await http.send(request_to(f"http://127.0.0.1:{free_port()}"), make_call(), max_bytes=100)

    async def test_when_the_name_does_not_resolve(self, http: VendorHttp, make_call: MakeCall) -> None:
        with pytest.raises(NotSent):
            await http.send(request_to("http://vendor.invalid"), make_call(), max_bytes=100)

    async def test_when_tls_fails(self, http: VendorHttp, make_call: MakeCall) -> None:
        async def speak_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10)
            writer.write(b"this is no TLS\r\n")
            writer.close()

        async with await asyncio.start_server(speak_plainly, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(NotSent):
                await http.send(request_to(f"https://127.0.0.1:{port}"), make_call(), max_bytes=100)

    async def test_when_the_deadline_falls_into_the_handshake(self, http: VendorHttp, make_call: MakeCall) -> None:
        """A TCP connection stands, but TLS is never answered: the request has not left."""
        async with listening(stay_silent) as vendor:
            url = vendor.url.replace("http:", "https:")
            with pytest.raises(NotSent):
                await http.send(request_to(url), make_call(seconds=0.2), max_bytes=100)


class TestItMayHaveBeenSent:
    async def test_when_the_vendor_hangs_up_after_the_request(self, http: VendorHttp, make_call: MakeCall) -> None:
        async with listening(hang_up) as vendor:
            with pytest.raises(OutcomeUnknown):
                await http.send(request_to(vendor.url), make_call(), max_bytes=100)
        assert len(vendor.received) == 1

    async def test_when_the_vendor_resets_the_connection(self, http: VendorHttp, make_call: MakeCall) -> None:
        async def reset(writer: asyncio.StreamWriter) -> None:
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
            )
            writer.transport.abort()

        async with listening(reset) as vendor:
            with pytest.raises(OutcomeUnknown):
                await http.send(request_to(vendor.url), make_call(), max_bytes=100)

    async def test_when_no_answer_comes_in_time(self, http: VendorHttp, make_call: MakeCall) -> None:
        async with listening(stay_silent) as vendor:
            with pytest.raises(OutcomeUnknown):
                await http.send(request_to(vendor.url), make_call(seconds=0.2), max_bytes=100)

    async def test_when_the_body_of_a_success_trickles_past_the_deadline(
        self, http: VendorHttp, make_call: MakeCall
    ) -> None:
        async def trickle(writer: asyncio.StreamWriter) -> None:
            writer.write(head("Content-Length: 1000"))
            while True:
                writer.write(b"x")
                await asyncio.sleep(0.02)

        async with listening(trickle) as vendor:
            with pytest.raises(OutcomeUnknown):
                await http.send(request_to(vendor.url), make_call(seconds=0.3), max_bytes=10_000)

    @pytest.mark.parametrize(
        "answer",
        [
            head("Content-Length: 1000") + b"only this",
            head("Transfer-Encoding: chunked") + b"5\r\nabc",
            head("Transfer-Encoding: chunked") + b"zz\r\nabc",
            b"SSH-2.0-OpenSSH_9.6\r\n",
            b"HTTP/1.1 2",
            head("Content-Length: minus"),
        ],
    )
    async def test_when_the_answer_is_cut_or_is_not_http(
        self, http: VendorHttp, make_call: MakeCall, answer: bytes
    ) -> None:
        async with listening(say(answer, then_close=True)) as vendor:
            with pytest.raises(OutcomeUnknown):
                await http.send(request_to(vendor.url), make_call(), max_bytes=10_000)
        assert len(vendor.received) == 1

    async def test_when_a_kept_connection_turns_out_dead(self, make_call: MakeCall) -> None:
        """The vendor closes an idle connection at the moment it is used again."""
        async with VendorHttp() as http, listening(answer_ok, hang_up, answer_ok) as vendor:
            await http.send(request_to(vendor.url), make_call(), max_bytes=100)
            with pytest.raises(OutcomeUnknown):
                await http.send(request_to(vendor.url), make_call(), max_bytes=100)
        assert len(vendor.received) == 2


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_idempotent_method_on_a_dead_connection_is_not_sent_twice(
    http: VendorHttp, make_call: MakeCall, method: str
) -> None:
    async with listening(answer_ok, hang_up, answer_ok) as vendor:
        await http.send(request_to(vendor.url, method), make_call(), max_bytes=100)
        with pytest.raises(OutcomeUnknown):
            await http.send(request_to(vendor.url, method), make_call(), max_bytes=100)
    assert (len(vendor.received), vendor.connections) == (2, 1)


async def test_connections_are_kept_for_the_next_call(http: VendorHttp, make_call: MakeCall) -> None:
    async with listening() as vendor:
        for _ in range(3):
            await http.send(request_to(vendor.url), make_call(), max_bytes=100)
    assert (len(vendor.received), vendor.connections) == (3, 1)


async def test_a_connection_idle_for_longer_than_the_keepalive_is_not_used_again(make_call: MakeCall) -> None:
    async with VendorHttp(OneShotTransport(keepalive_seconds=0.05)) as http, listening() as vendor:
        await http.send(request_to(vendor.url), make_call(), max_bytes=100)
        await asyncio.sleep(0.1)
        await http.send(request_to(vendor.url), make_call(), max_bytes=100)
    assert vendor.connections == 2


async def test_more_calls_than_any_pools_default_run_at_once(http: VendorHttp, make_call: MakeCall) -> None:
    everybody_is_here = asyncio.Barrier(150)

    async def answer_when_all_are_here(writer: asyncio.StreamWriter) -> None:
        await everybody_is_here.wait()
        writer.write(OK)

    async with listening(answer_when_all_are_here) as vendor:
        calls = [http.send(request_to(vendor.url), make_call(), max_bytes=100) for _ in range(150)]
        replies = await asyncio.gather(*calls)
    assert {reply.status for reply in replies} == {200}


async def test_cookies_are_not_kept(http: VendorHttp, make_call: MakeCall) -> None:
    async with listening(say(head("Set-Cookie: seen=1; Path=/", "Content-Length: 0"))) as vendor:
        url = vendor.url.replace("127.0.0.1", "localhost")  # a jar would not keep those of an address
        for _ in range(2):
            await http.send(request_to(url), make_call(), max_bytes=100)
    assert "cookie" not in vendor.received[1].headers


@pytest.mark.parametrize("target", ["/a/%2E%2E/b", "/%2e?sig=%41%2F%7e+x%20&a=&a", "/a%2Fb;c?q=%C3%BC@:"])
async def test_an_address_is_sent_as_it_is_written(http: VendorHttp, make_call: MakeCall, target: str) -> None:
    async with listening(answer_ok) as server:
        await http.send(request_to(server.url + target), make_call(), max_bytes=100)
    assert server.received[0].line == f"POST {target} HTTP/1.1"


@pytest.mark.parametrize("location", ["/elsewhere", "http://[broken", "//", "\xff"])
async def test_a_redirect_is_an_answer_and_is_not_followed(
    http: VendorHttp, make_call: MakeCall, location: str
) -> None:
    async with listening(say(head(f"Location: {location}", "Content-Length: 0", status="302 Found"))) as vendor:
        reply = await http.send(request_to(vendor.url), make_call(), max_bytes=100)
    assert (reply.status, len(vendor.received)) == (302, 1)


async def test_a_refusal_counts_even_when_its_body_never_ends(http: VendorHttp, make_call: MakeCall) -> None:
    answer = head("Retry-After: 7", "Content-Length: 1000", status="429 Too Many Requests")
    async with listening(say(answer)) as vendor:
        reply = await http.send(request_to(vendor.url), make_call(seconds=0.3), max_bytes=100)
    assert (reply.status, reply.headers["retry-after"], reply.body) == (429, "7", b"")


async def test_a_proxy_in_the_environment_is_not_used(make_call: MakeCall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    async with VendorHttp() as http, listening() as vendor:
        reply = await http.send(request_to(vendor.url), make_call(), max_bytes=100)
    assert reply.status == 200


class TestTheCap:
    async def test_a_body_of_exactly_the_cap_is_read(self, http: VendorHttp, make_call: MakeCall) -> None:
        async with listening() as vendor:
            reply = await http.send(request_to(vendor.url), make_call(), max_bytes=14)
        assert len(reply.body) == 14

    async def test_one_byte_more_is_too_large(self, http: VendorHttp, make_call: MakeCall) -> None:
        async with listening() as vendor:
            with pytest.raises(ReplyTooLarge) as caught:
                await http.send(request_to(vendor.url), make_call(), max_bytes=13)
        assert caught.value.status == 200

    async def test_an_endless_body_is_read_no_further(self, http: VendorHttp, make_call: MakeCall) -> None:
        cut_off = asyncio.Event()

        async def flood(writer: asyncio.StreamWriter) -> None:
            writer.write(head("Transfer-Encoding: chunked"))
            try:
                while True:
                    writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                    await writer.drain()
            finally:
                cut_off.set()

        async with listening(flood) as vendor:
            with pytest.raises(ReplyTooLarge):
                await http.send(request_to(vendor.url), make_call(), max_bytes=100_000)
            await asyncio.wait_for(cut_off.wait(), 5)

    async def test_it_counts_what_gzip_unpacks_to(self, http: VendorHttp, make_call: MakeCall) -> None:
        bomb = gzip.compress(b"0" * 50_000_000)
        async with listening(say(head("Content-Encoding: gzip", f"Content-Length: {len(bomb)}") + bomb)) as vendor:
            with pytest.raises(ReplyTooLarge):
                await http.send(request_to(vendor.url), make_call(), max_bytes=1_000_000)

    @pytest.mark.parametrize("more", [b"z" * 65_540, b"\0\0\0\xff\xff" * 13_108])
    async def test_gzip_that_goes_on_without_holding_anything(
        self, http: VendorHttp, make_call: MakeCall, more: bytes
    ) -> None:
        begun = gzip.compress(b"", mtime=0)[: None if more[0] else 10]  # whole, or its header

        async def flood(writer: asyncio.StreamWriter) -> None:
            writer.write(head("Content-Encoding: gzip", "Transfer-Encoding: chunked"))
            writer.write(f"{len(begun):x}\r\n".encode() + begun + b"\r\n")
            while True:
                writer.write(b"10004\r\n" + more + b"\r\n")
                await writer.drain()

        async with listening(flood) as vendor:
            with pytest.raises(ReplyTooLarge):
                await http.send(request_to(vendor.url), make_call(), max_bytes=1_000)


async def test_gzip_is_undone(http: VendorHttp, make_call: MakeCall) -> None:
    packed = gzip.compress(b'{"a": 1}')
    async with listening(say(head("Content-Encoding: gzip", f"Content-Length: {len(packed)}") + packed)) as vendor:
        reply = await http.send(request_to(vendor.url), make_call(), max_bytes=8)
    assert reply.body == b'{"a": 1}'


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("br", b"x"),
        ("gzip", b"no gzip"),
        ("gzip", gzip.compress(b"{}", mtime=0)[:-4]),
        ("gzip", gzip.compress(b"{}", mtime=0) + b"more"),
    ],
)
async def test_an_encoding_that_cannot_be_undone_is_unreadable(
    http: VendorHttp, make_call: MakeCall, encoding: str, body: bytes
) -> None:
    async with listening(say(head(f"Content-Encoding: {encoding}", f"Content-Length: {len(body)}") + body)) as vendor:
        with pytest.raises(ReplyUnreadable):
            await http.send(request_to(vendor.url), make_call(), max_bytes=1000)


async def test_a_vendor_that_answers_before_it_has_read_the_body_is_heard(
    http: VendorHttp, make_call: MakeCall
) -> None:
    async def answer_early(writer: asyncio.StreamWriter) -> None:
        writer.write(head("Content-Length: 0", status="413 Too Large"))
        await stay_silent(writer)

    async with listening(answer_early, reads_bodies=False) as vendor:
        reply = await http.send(request_to(vendor.url, body=b"x" * 1_000_000), make_call(), max_bytes=100)
    assert reply.status == 413


async def test_a_call_can_be_cancelled_while_the_vendor_thinks(http: VendorHttp, make_call: MakeCall) -> None:
    arrived = asyncio.Event()

    async def note_and_stay_silent(writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await stay_silent(writer)

    async with listening(note_and_stay_silent) as vendor:
        task = asyncio.create_task(http.send(request_to(vendor.url), make_call(), max_bytes=100))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_no_error_text_repeats_the_address_or_a_header(make_call: MakeCall) -> None:
    async with VendorHttp() as http, listening(hang_up) as vendor:
        request = request_to(f"{vendor.url}/?key=hunter2", Authorization="Bearer hunter3")
        with pytest.raises(OutcomeUnknown) as caught:
            await http.send(request, make_call(), max_bytes=100)
    assert "hunter" not in caught.value.detail
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


async def test_a_double_that_cannot_tell_is_taken_to_have_sent(make_call: MakeCall) -> None:
    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with VendorHttp(httpx.MockTransport(never)) as http:
        with pytest.raises(OutcomeUnknown):
            await http.send(request_to("http://vendor.example"), make_call(seconds=0.05), max_bytes=100)
