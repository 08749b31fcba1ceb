"""
Connections to instances: aiohttp's, without what it does unasked, and one for each call.

aiohttp itself and not httpx: it streams both ways without a copy or a task of its own for each piece, gives an answer's
headers as they came, and says when a connection was there, which is when something may have been sent.
"""

import asyncio
from contextvars import ContextVar
from functools import partial
from typing import Any

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

CONNECT_SECONDS = 3.0  # a host that is away answers nothing at all; another instance may still be asked in time
KEEPALIVE_SECONDS = 4.0  # below the 5 s after which Node, uvicorn and Apache close an idle connection
_LARGEST_HEAD = 64 * 1024
_READ_AHEAD = 64 * 1024  # of an answer whose client is slower: it takes 0.8 MB then, and 2.5 with 256 KiB
_HEADS_END = b"\r\n\r\n"
_UNASKED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class Progress:
    """
    How far one call got: `sent` as soon as it has a connection, `is_new` where that one was made for it.

    `wants_new` is asked for by who met a kept one that was dead: the others of that instance are then no better.
    """

    __slots__ = ("is_new", "sent", "wants_new")

    def __init__(self, *, wants_new: bool = False) -> None:
        self.sent = False
        self.is_new = False
        self.wants_new = wants_new

    def may_take(self, protocol: ResponseHandler) -> bool:
        return not protocol.should_close and (self.is_new or not self.wants_new)


progress_of: ContextVar[Progress] = ContextVar("progress_of")


class HeadFirst(ResponseHandler):
    """
    Reads an answer's head before what follows it: a body where none may be (to HEAD, with 204 or 304) is nobody's, and
    to aiohttp's parser it would be a fault of the whole answer. The connection is then not used again.

    What is no HTTP in the middle of a body is told to who reads that: aiohttp would leave them waiting.
    """

    def data_received(self, data: bytes) -> None:
        start = 0
        while self._is_in_head() and 0 <= (found := data.find(_HEADS_END, start)) < len(data) - len(_HEADS_END):
            end = found + len(_HEADS_END)
            super().data_received(data[start:end])
            if self.exception() is not None:
                return
            if self._has_answer() and self._is_in_head():
                self.force_close()
                return
            start = end
        super().data_received(data[start:])
        self._end_body_that_broke()

    def _end_body_that_broke(self) -> None:
        if self.exception() is not None and self._payload is not None and not self._payload.is_eof():
            self._payload.set_exception(aiohttp.ClientPayloadError("what follows is no HTTP"))

    def _is_in_head(self) -> bool:
        return self._payload is None or self._payload.is_eof()

    def _has_answer(self) -> bool:
        """Not one of those before it (1xx)."""
        return bool(self._buffer) and self._buffer[-1][0][0].code >= 200


def _reader(loop: asyncio.AbstractEventLoop) -> ResponseHandler:
    return HeadFirst(loop)


class OneEach(aiohttp.TCPConnector):
    """
    One connection a call: aiohttp would ask for a second where an idempotent one met a dead connection.

    One on which an instance has sent more than its last answer is not used again: that would be the next one's.
    """

    def __init__(self) -> None:
        super().__init__(limit=0, keepalive_timeout=KEEPALIVE_SECONDS)  # no bound: the clients are bounded
        self._factory = partial(_reader, self._loop)

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp names it so
    ) -> Connection:
        progress = progress_of.get()
        if progress.sent:
            raise aiohttp.ClientConnectionError("this call had its connection")
        connection = await super().connect(req, traces, timeout)
        while connection.protocol is not None and not progress.may_take(connection.protocol):
            connection.close()
            connection = await super().connect(req, traces, timeout)
        progress.sent = True
        return connection

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - as above
    ) -> ResponseHandler:
        progress_of.get().is_new = True
        return await super()._create_connection(req, traces, timeout)


class PromptRequest(aiohttp.ClientRequest):
    """Sends its head at once: aiohttp keeps it for the first piece of the body, which may take its client long."""

    async def write_bytes(self, writer: AbstractStreamWriter, *arguments: Any, **named: Any) -> None:
        writer.send_headers()
        await super().write_bytes(writer, *arguments, **named)


def open_session() -> aiohttp.ClientSession:
    """To be closed by whoever opens it, in the loop that it is used in."""
    return aiohttp.ClientSession(
        connector=OneEach(),
        request_class=PromptRequest,
        cookie_jar=aiohttp.DummyCookieJar(),
        read_bufsize=_READ_AHEAD,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        trust_env=False,
        auto_decompress=False,
        skip_auto_headers=_UNASKED,
        max_line_size=_LARGEST_HEAD,
        max_field_size=_LARGEST_HEAD,
    )
