"""
The net under everything: what breaks where no exception handler stands is a bare 500 of ours too, and known by its id.

Litestar's handlers are inside of the layers around it, and an answer that has begun is past them. uvicorn's own net
would answer without a `trace_id`, and log none.
"""

import os
from http import HTTPStatus

import msgspec
import structlog
from litestar.enums import ScopeType
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Scope, Send

from domain.edge.problems import BUG, MEDIA_TYPE, Where, problem
from domain.edge.request_ids import request_id_of
from domain.edge.security import ALWAYS

log = structlog.get_logger()


class Net:
    """Pure ASGI, around all else. An answer that has begun is cut: the server hangs up before its end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        begun: HTTPResponseStartEvent | None = None  # the head of the answer that has begun

        async def send_and_note(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = message
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception:
            trace_id = _told_in(begun) or request_id_of(scope) or os.urandom(16).hex()
            log.exception("unforeseen", trace_id=trace_id, method=scope["method"])
            if begun is None:
                await _bare(trace_id)(scope, receive, send)


def _told_in(head: HTTPResponseStartEvent | None) -> str:
    """The id that an answer has told."""
    return "" if head is None else dict(head["headers"]).get(b"x-request-id", b"").decode()


def _bare(trace_id: str) -> ASGIResponse:
    """Without the path, as no layer has said yet what of it may be shown around."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    body = msgspec.json.encode(problem(status, "internal", BUG, Where("", trace_id)))
    headers = {**ALWAYS, "x-request-id": trace_id}
    return ASGIResponse(body=body, status_code=status, media_type=MEDIA_TYPE, headers=headers)
