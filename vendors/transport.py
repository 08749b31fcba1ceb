"""
How a vendor is reached: aiohttp's connections behind httpx's transport interface, one connection per call.

Why not httpx's own pool: it costs several times the CPU at 100 concurrent calls. What must be right
here is one bit, `Progress.sent`: did anything of this call leave for the vendor? httpx-aiohttp cannot
say (it reports a connection that broke after the request as `ConnectTimeout`), so the connector does.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import aiohttp
import httpx
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from httpx_aiohttp import AiohttpTransport

from domain.vendors import Gate

# Node, uvicorn and Apache close an idle connection after 5 s. Ours goes first: a request written to a
# connection that the vendor is closing ends as an unknown outcome, although it was seldom processed.
KEEPALIVE_SECONDS = 4.0

_MAX_HEADER_BYTES = 64 * 1024  # aiohttp's 8 KiB turns a vendor's long header into a call without an answer


class Progress:
    """
    How far one call got. A transport that cannot tell leaves `sent` true, which is the safe side.

    `gate` is awaited when the connection is there and nothing has left; what it raises ends the call. On a busy
    loop the first byte may still be turns away: `note_sent` is called before it leaves and when all have left.
    """

    __slots__ = ("gate", "note_sent", "sent", "url")

    def __init__(self, gate: Gate | None = None, note_sent: Callable[[], None] | None = None) -> None:
        self.gate = gate
        self.note_sent = note_sent
        self.sent = True
        self.url = ""  # as the call wants it written


_progress: ContextVar[Progress] = ContextVar("progress")


class OneShotConnector(aiohttp.TCPConnector):
    """
    Gives each call one connection when its gate opens, and notes the moment: from then on bytes may have left.

    `aiohttp.ClientSession` asks for a second one when an idempotent request met a dead connection:
    the vendor would be called twice and nobody would know, so the second is refused.
    """

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp names it so
    ) -> Connection:
        progress = _progress.get()
        if progress.sent:
            raise aiohttp.ClientConnectionError("this call had its connection")
        connection = await super().connect(req, traces, timeout)
        try:
            if progress.gate is not None:
                await progress.gate()
        except BaseException:  # nothing was sent: the next call may have it
            connection.release()
            raise
        progress.sent = True
        return connection


class NotedRequest(aiohttp.ClientRequest):
    """Says when its bytes leave: aiohttp holds the head back until a task of its own writes it with the body."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        response = await super().send(conn)
        if not self.body:  # the head went at once
            _note_sent()
        return response

    async def write_bytes(self, *arguments: Any, **named: Any) -> None:
        _note_sent()
        await super().write_bytes(*arguments, **named)
        _note_sent()  # the system may have had this process wait before the first


def _note_sent() -> None:
    note = _progress.get().note_sent
    if note is not None:
        note()


class WordlessResponse(aiohttp.ClientResponse):
    """Without its reason phrase, which says nothing, and which httpx-aiohttp cannot read in any words but UTF-8."""

    async def start(self, connection: Connection) -> "WordlessResponse":
        await super().start(connection)
        self.reason = None
        return self


async def _as_written(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """aiohttp undoes escapes that it thinks needless: `%2E%2E` would climb, and a signed address be another."""
    request.url = type(request.url)(_progress.get().url, encoded=True)
    return await send(request)


class OneShotTransport(AiohttpTransport):
    """
    httpx's transport over aiohttp, without what aiohttp does unasked: retries, cookies, redirects, proxies, timeouts.

    The pool has no bound: the worker bounds how many calls run at once. The session is opened by the
    first request, since aiohttp needs the running loop.
    """

    def __init__(self, *, keepalive_seconds: float = KEEPALIVE_SECONDS) -> None:
        super().__init__(trust_env=False, client=self._open_session)
        self._keepalive_seconds = keepalive_seconds

    def _open_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=self._open_connector(keepalive_timeout=self._keepalive_seconds, ssl=self.ssl_context),
            request_class=NotedRequest,
            response_class=WordlessResponse,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            trust_env=False,
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
            middlewares=(_as_written,),
        )

    def _open_connector(self, **settings: Any) -> OneShotConnector:
        return OneShotConnector(limit=0, **settings)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`, whose extension `progress` learns whether anything left."""
        progress: Progress = request.extensions["progress"]
        progress.sent, progress.url = False, str(request.url)
        token = _progress.set(progress)
        try:
            return await super().handle_async_request(request)
        finally:
            _progress.reset(token)
