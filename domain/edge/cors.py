"""
Which pages of other origins may call, as browsers ask before they let them (the Fetch standard, section 3.3).

An origin that is not listed hears nothing of it. Pages of listed origins may use the refresh cookie too, where
`refuse_foreign_origin` guards what it opens; where any page may call, none may.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from http import HTTPStatus

from litestar.enums import ScopeType
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from domain.edge.methods import allow
from domain.page_origins import ANY

ASKED_WITH = (
    *("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID", "Prefer"),
    *("X-Request-ID", "traceparent", "tracestate"),
)
TOLD = (
    *("ETag", "Gateway-Job-Id", "Idempotency-Replayed", "Link", "Location", "Preference-Applied"),
    *("RateLimit", "RateLimit-Policy", "Retry-After", "WWW-Authenticate", "X-Request-ID"),
)
REMEMBERED_SECONDS = 600  # Chromium forgets after two hours at the latest

Line = tuple[bytes, bytes]


class Cors:
    """Pure ASGI, around the whole app: a page may read a 401 and a 404 too."""

    def __init__(self, app: ASGIApp, origins: frozenset[str], routes: Sequence[HTTPRouteHandler]) -> None:
        self._app = app
        self._origins = frozenset(origin.encode() for origin in origins)
        self._any = ANY in origins
        self._methods = _MethodsByPath(routes)
        self._vary: list[Line] = [] if self._any else [(b"vary", b"Origin")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        granted = self._grant(scope)
        methods = self._methods.of(scope["path"]) if granted and _is_preflight(scope) else None
        if methods is not None:
            await _preflight(methods, [*granted, *self._vary])(scope, receive, send)
            return
        told = (b"access-control-expose-headers", ", ".join(TOLD).encode())
        lines = [*granted, told, *self._vary] if granted else self._vary

        async def send_with_lines(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *lines]
            await send(message)

        await self._app(scope, receive, send_with_lines)

    def _grant(self, scope: Scope) -> list[Line]:
        """What lets this request's page read the answer; nothing for one that may not, or that needs no leave."""
        sent = [value for name, value in scope["headers"] if name == b"origin"]
        if len(sent) != 1:
            return []
        if self._any:
            return [(b"access-control-allow-origin", ANY.encode())]
        if sent[0] not in self._origins:
            return []
        return [(b"access-control-allow-origin", sent[0]), (b"access-control-allow-credentials", b"true")]


def _is_preflight(scope: HTTPScope) -> bool:
    asked = any(name == b"access-control-request-method" for name, _ in scope["headers"])
    return asked and scope["method"] == "OPTIONS"


def _preflight(methods: str, lines: Iterable[Line]) -> ASGIResponse:
    headers = [
        *((name.decode(), value.decode("latin-1")) for name, value in lines),
        ("access-control-allow-methods", methods),
        ("access-control-allow-headers", ", ".join(ASKED_WITH)),
        ("access-control-max-age", str(REMEMBERED_SECONDS)),
    ]
    return ASGIResponse(status_code=HTTPStatus.NO_CONTENT, headers=headers)


class _MethodsByPath:
    """Which methods the routes take under a path; a literal path comes before one with parameters."""

    def __init__(self, routes: Sequence[HTTPRouteHandler]) -> None:
        taken: defaultdict[str, set[str]] = defaultdict(set)
        for route in routes:
            for path in route.paths:
                taken[path] |= {str(method) for method in route.http_methods}
        literal_first = sorted(taken, key=lambda path: (path.count("{"), path))
        self._known = [(_pattern(path), allow(taken[path])) for path in literal_first]

    def of(self, path: str) -> str | None:
        bare = path.rstrip("/") or "/"
        return next((methods for pattern, methods in self._known if pattern.fullmatch(bare)), None)


def _pattern(path: str) -> re.Pattern[str]:
    parts = [_piece(part) for part in path.split("/")]
    return re.compile("/".join(parts))


def _piece(part: str) -> str:
    if part.endswith(":path}"):
        return ".+"
    return "[^/]+" if part.startswith("{") else re.escape(part)
