"""uvicorn's protocol, where it would fail a client: no HTTP, a head without end or hurry, an upgrade nobody offers."""

import asyncio
import os
import re
import socket
import struct
import sys
from http import HTTPStatus

import httptools
import msgspec
from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from domain.edge.problems import MEDIA_TYPE, Where, problem
from domain.edge.security import ALWAYS
from domain.errors import FieldError

LARGEST_HEAD = 64 * 1024
HANG_UP = "gateway.hang_up"  # among a request's extensions: what closes its connection
_RESET = struct.pack("ii", 1, 0)  # socket(7): do not linger
LEAST_PACE = 1024  # bytes of a body a second: a telephone at the edge of nowhere does better

# RFC 9110, section 5.5: a field's value holds no control characters but the tab.
_CONTROL = re.compile(rb"\r\n([!#-'*+.0-9A-Z^_`a-z|~-]+):[^\r\n]*[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_OF_UPGRADES = frozenset({b"connection", b"upgrade", b"http2-settings"})


class ProblemProtocol(HttpToolsProtocol):
    """
    uvicorn's protocol on httptools, for `uvicorn.Config(http=…)`.

    It answers with problems, bounds a request's head and the time that it takes to come, keeps trailers apart from
    headers, and ignores `Upgrade` (RFC 9110, section 7.8): httptools stops at the head of such a request, and its
    body would be lost. Java's client sends one.
    """

    patience_seconds = 20.0  # for a head, and for a body beyond the time that it takes at the least pace

    _latest = b""
    _unfinished_bytes = 0  # fed to the parser since a head or a piece of a body was whole
    _in_head = True
    _owed_since: float | None = None  # when the client last gave us enough of the request that it is at
    _watch: asyncio.TimerHandle | None = None
    _running: RequestResponseCycle | None = None  # the one that is being answered; `cycle` is the last one read

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._owed_since = self.loop.time()
        self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True  # uvicorn tells the last request only, and a stream would go on for ever
            self._running.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._latest = data
        self._unfinished_bytes += len(data)
        super().data_received(data)
        if self._unfinished_bytes > LARGEST_HEAD:
            self._close_with(oversized_answer(_new_id()))

    def on_message_begin(self) -> None:
        self._owed_since = self.loop.time()
        super().on_message_begin()
        # ASGI has no word for an answer that cannot go on, and its end would look as if it were whole.
        self.scope["extensions"] = {HANG_UP: {"close": self._hang_up}}

    def on_header(self, name: bytes, value: bytes) -> None:
        """Trailers are dropped: a proxy that vets headers does not look there (RFC 9110, section 6.5.1)."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._unfinished_bytes = 0
        self._owed_since = self.loop.time()
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unfinished_bytes = 0
        if self._owed_since is not None:
            self._owed_since = min(self.loop.time(), self._owed_since + len(body) / LEAST_PACE)
        if not self.parser.should_upgrade():
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_head = True
        self._unfinished_bytes = 0
        self._owed_since = None
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, _unframed(app, cycle) if cycle.scope["http_version"] == "1.0" else app)

    def _hang_up(self) -> None:
        """Where an answer's end is that of its connection (HTTP/1.0), a reset tells that this one is not whole."""
        if self._running is not None and self._running.scope["http_version"] == "1.0":
            peer = self.transport.get_extra_info("socket")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.transport.abort()
        else:
            self.transport.close()

    def _look_later(self) -> None:
        self._watch = self.loop.call_later(self.patience_seconds / 4, self._look)

    def _look(self) -> None:
        """Is the client too slow? Nobody is blamed while we do not read, or while it waits for an earlier answer."""
        now = self.loop.time()
        answering = self._running is not None and not self._running.response_complete
        if self._owed_since is not None and (self.flow.read_paused or (self._in_head and answering)):
            self._owed_since = now
        if self._owed_since is not None and now - self._owed_since > self.patience_seconds:
            self._give_up()
        if not self.transport.is_closing():
            self._look_later()

    def _give_up(self) -> None:
        """Close; with a problem, if a request has begun and nothing of an answer was sent."""
        begun = self._unfinished_bytes > 0 if self._in_head else not self.cycle.response_started
        if begun:
            self._close_with(slow_answer(_new_id()))
        else:
            self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """
        Read the request again as if it had not asked: the head without those headers, then what followed it.

        CONNECT asks by its method, and would ask again.
        """
        if self.parser.get_method() == b"CONNECT":
            self._close_with(tunnel_answer(_new_id()))
            return
        offset = _offset_of(sys.exception())
        lines = [b"%b %b HTTP/1.1" % (self.parser.get_method(), self.url)]
        lines += [b"%b: %b" % header for header in self.headers if header[0] not in _OF_UPGRADES]
        self.parser = httptools.HttpRequestParser(self)
        self._in_head = True
        self.data_received(b"\r\n".join((*lines, b"", b"")) + self._latest[offset:])

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own text says less
        self._close_with(malformed_answer(self._latest, _new_id()))

    def _close_with(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()


def _unframed(app: ASGI3Application, cycle: RequestResponseCycle) -> ASGI3Application:
    """
    For HTTP/1.0, which knows no chunks (RFC 9112, section 6.1): an answer of no known length is sent as it is.

    uvicorn has no word for that: it is told of each piece's length as if that were the answer's.
    """

    async def run(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        has_length = False

        async def send_plainly(message: ASGISendEvent) -> None:
            nonlocal has_length
            if message["type"] == "http.response.start":
                has_length = any(name.lower() == b"content-length" for name, _ in message.get("headers", ()))
                cycle.chunked_encoding = None if has_length else False
            elif message["type"] == "http.response.body" and not has_length:
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(scope, receive, send_plainly)

    return run


def _new_id() -> str:
    return os.urandom(16).hex()


def _offset_of(upgrade: BaseException | None) -> int:
    """Where the parser stopped in what it was fed last: right after the head."""
    return int(upgrade.args[0]) if isinstance(upgrade, httptools.HttpParserUpgrade) else 0


def _malformed(data: bytes) -> FieldError:
    """Names the header that a control character stands in, if that is what is wrong."""
    found = _CONTROL.search(data)
    if found is None:
        return FieldError("", "this is not a well-formed HTTP request")
    return FieldError(f"/headers/{found[1].decode()}", "holds a control character")


def _answer(status: HTTPStatus, code: str, fault: FieldError, trace_id: str) -> bytes:
    """A whole HTTP answer, for a request that no app is asked about."""
    errors = (fault,) if fault.pointer else ()
    told = problem(status, code, f"{fault.pointer} {fault.detail}".strip(), Where("", trace_id), errors)
    body = msgspec.json.encode(told)
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        f"content-type: {MEDIA_TYPE}",
        f"content-length: {len(body)}",
        f"x-request-id: {trace_id}",
        *(f"{name}: {value}" for name, value in ALWAYS.items()),
        "connection: close",
    )
    return "\r\n".join((*head, "", "")).encode() + body


def malformed_answer(data: bytes, trace_id: str) -> bytes:
    """The answer to bytes that are no request."""
    return _answer(HTTPStatus.BAD_REQUEST, "bad-syntax", _malformed(data), trace_id)


def tunnel_answer(trace_id: str) -> bytes:
    """The answer to CONNECT (RFC 9110, section 9.3.6), whose target is no path of ours."""
    fault = FieldError("", "no tunnels are made here; send requests to the paths of /docs")
    return _answer(HTTPStatus.NOT_IMPLEMENTED, "not-offered", fault, trace_id)


def slow_answer(trace_id: str) -> bytes:
    """The answer to a request of which too little came for too long."""
    fault = FieldError("", "the request did not come in reasonable time; send it again")
    return _answer(HTTPStatus.REQUEST_TIMEOUT, "too-slow", fault, trace_id)


def oversized_answer(trace_id: str) -> bytes:
    """The answer to a head that is too long to be read on."""
    fault = FieldError("/headers", f"are longer than {LARGEST_HEAD} bytes together; send fewer")
    return _answer(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "too-large", fault, trace_id)
