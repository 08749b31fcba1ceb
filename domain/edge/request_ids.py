"""
`X-Request-ID` on every answer, and so a `trace_id` in every problem and log line.

Pure ASGI, around the whole app: the router's own 404 and 405 carry it too.
"""

import os
import re
import time

from litestar.enums import HttpMethod, ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from domain.edge.counted import count_answer
from domain.tallies import Tallies

_SANE = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_KEY = "gateway.request_id"
_HEAD = "gateway.head"


class RequestIds:
    """Counts answers too, where it is given something to count in: a layer of its own would cost twice as much."""

    def __init__(self, app: ASGIApp, counts: Tallies | None = None) -> None:
        self.app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        if scope["method"] == "HEAD":  # answered as GET is; the server leaves the body out (RFC 9110, section 9.3.2)
            scope, send = {**scope, "method": HttpMethod.GET}, _ended_by_its_head(send)
            scope[_HEAD] = True  # type: ignore[literal-required]  # as below
        begun, counts = time.perf_counter(), self._counts
        request_id = _sent(scope) or os.urandom(16).hex().encode()
        scope[_KEY] = request_id.decode()  # type: ignore[literal-required]  # ASGI lets an app add keys of its own

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
                if counts is not None:
                    count_answer(counts, scope, message["status"], begun)
            await send(message)

        await self.app(scope, receive, send_with_id)


def request_id_of(scope: Scope) -> str:
    """The id that this request's answer carries."""
    return str(scope.get(_KEY, ""))


def asks_for_the_head(scope: Scope) -> bool:
    """Whether it came as HEAD, which routes see as GET: for what is not worth doing for who only looks."""
    return _HEAD in scope


def _ended_by_its_head(send: Send) -> Send:
    """An endless stream ends with its first piece: none of it is sent, and the connection is wanted again."""
    over = False

    async def send_until_over(message: Message) -> None:
        nonlocal over
        if message["type"] == "http.response.body" and not over:
            over = True
            await send({**message, "more_body": False})
        elif not over:
            await send(message)

    return send_until_over


def _sent(scope: Scope) -> bytes | None:
    """The client's own id, if it is one that a log can bear."""
    sent = next((value for name, value in scope["headers"] if name == b"x-request-id"), None)
    return sent if sent is not None and _SANE.fullmatch(sent) else None
