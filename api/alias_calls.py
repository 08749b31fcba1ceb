"""
Requests by the paths of earlier clients become requests by ours, around the whole app.

What is behind sees our path, method and fields only. There is no second door that a rule, a limit or a guard could
forget. Nothing is read of a body before the route itself reads it, but for a short one that names what our path does.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from urllib.parse import quote

from litestar import route
from litestar.enums import HttpMethod, ScopeType
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp, HTTPReceiveMessage, HTTPScope, Message, Receive, Scope, Send
from litestar.utils import normalize_path
from structlog.contextvars import bound_contextvars

from api.alias_answers import AliasAnswer, deprecated
from api.alias_bodies import parameter_in, translated
from api.alias_rows import AS_OURS, Alias
from api.callers import caller_in
from domain.edge.app import build_edge
from domain.edge.bodies import read_body
from domain.edge.security import BrowserRules
from domain.errors import GatewayError
from domain.request_ids import read_request_id

_PARAMETER = re.compile(r"\{(\w+)\}")

Rows = Mapping[str, Alias]  # of one path, by method

LARGEST_NAMING = 4_096  # bytes of a body that is read before anybody asks who sent it: an id takes 50 of them
NOBODYS = "-"  # in the place of an id that the body does not have: no route finds anything under it


class Aliases:
    """
    Pure ASGI. A log line of such a request says `alias`, the row by which it came.

    What no row takes (another method, OPTIONS, a browser's preflight) is answered from an app that knows the paths of
    the rows and their methods, and nothing else.
    """

    def __init__(self, app: ASGIApp, rows: Iterable[Alias], browsers: BrowserRules) -> None:
        by_path: defaultdict[str, dict[str, Alias]] = defaultdict(dict)
        for row in rows:
            by_path[row.old][row.method] = row
        self._app = app
        self._beginnings = tuple({f"/{path.split('/')[1]}/" for path in by_path})
        self._literal: dict[str, Rows] = {path: known for path, known in by_path.items() if "{" not in path}
        self._patterns: list[tuple[re.Pattern[str], Rows]] = [
            (_pattern(path), known) for path, known in by_path.items() if "{" in path
        ]
        self._taken = {path: tuple(known) for path, known in by_path.items()}
        self._browsers = browsers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._find(normalize_path(scope["path"])) if scope["type"] == ScopeType.HTTP else None
        if scope["type"] != ScopeType.HTTP or found is None:
            await self._app(scope, receive, send)
            return
        rows, parameters = found
        row = rows.get("GET" if scope["method"] == "HEAD" else scope["method"])
        if row is None:
            await self._otherwise(scope, receive, _with_lines(send, rows.values()))
            return
        if row.named is not None:
            receive, parameters = await _read_early(row, row.named, scope, receive)
        call = _Call(row, scope, receive, send, parameters=parameters)
        with bound_contextvars(alias=f"{row.method} {row.old}"):
            await self._app(call.scope, call.receive, call.answer.send)

    @cached_property
    def _otherwise(self) -> ASGIApp:
        """Built when it is first needed, in most gateways never: it takes a third as long as the app itself."""
        return build_edge([_taken(path, methods) for path, methods in self._taken.items()], browsers=self._browsers)

    def _find(self, path: str) -> tuple[Rows, dict[str, str]] | None:
        """The rows of a path, as the router finds routes: a literal one before one with a parameter."""
        if not path.startswith(self._beginnings):  # nearly every request: it is not kept waiting
            return None
        literal = self._literal.get(path)
        if literal is not None:
            return literal, {}
        matches = ((pattern.fullmatch(path), rows) for pattern, rows in self._patterns)
        return next(((rows, match.groupdict()) for match, rows in matches if match), None)


class _Call:
    """One request, as our route is to see it, and its answer, as the client is to."""

    def __init__(
        self, row: Alias, scope: HTTPScope, receive: Receive, send: Send, *, parameters: Mapping[str, str]
    ) -> None:
        method, template = row.ours
        path = template.format_map({**parameters, **row.filled})
        self.scope: HTTPScope = {**scope, "path": path, "raw_path": quote(path).encode()}
        if scope["method"] != "HEAD":
            self.scope["method"] = HttpMethod(method)
        # The token of a mailed link opens a door: it stays out of what is shown around.
        self.answer = AliasAnswer(send, row, row.old.format_map({**parameters, "token": "{token}"}))
        self._row, self._receive = row, receive
        self._was_read = row.body is AS_OURS

    async def receive(self) -> HTTPReceiveMessage:
        """The whole body in one piece, read under the same cap that our route keeps. Raises what `read_body` does."""
        if self._was_read:
            return await self._receive()  # type: ignore[return-value]  # HTTP: all we serve
        self._was_read = True
        body = await read_body(self.scope, self._receive)
        caller = caller_in(self.scope)
        user = "" if caller is None or caller.user is None else str(caller.user)
        ours = await translated(body, self._row.body, user=user, named=self._row.named)
        self.answer.translated = ours
        return {"type": "http.request", "body": ours.body, "more_body": False}


async def _read_early(row: Alias, named: str, scope: HTTPScope, receive: Receive) -> tuple[Receive, dict[str, str]]:
    """
    The parameter that stands in the body, and what hands the body on to who reads it in turn.

    What is wrong with it is told there, to who may come in. Of a longer one no more is read: a stranger sent it.
    """
    fault, body = None, b""
    try:
        body = await read_body(scope, receive, largest=LARGEST_NAMING)
    except GatewayError as error:
        fault = error
    text = parameter_in(body, row.body, named) or ""

    async def hand_on() -> HTTPReceiveMessage:
        if fault is not None:
            raise fault
        return {"type": "http.request", "body": body, "more_body": False}

    return hand_on, {named: NOBODYS if read_request_id(text) is None else text}


def _with_lines(send: Send, rows: Collection[Alias]) -> Send:
    async def send_with_lines(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *deprecated(rows)]
        await send(message)

    return send_with_lines


def _taken(path: str, methods: Collection[str]) -> HTTPRouteHandler:
    """A route for the router to know of; its requests are passed on before they come to it."""

    @route(_PARAMETER.sub(r"{\1:str}", path), http_method=[HttpMethod(method) for method in methods])
    async def passed_on_before() -> ASGIResponse:
        raise RuntimeError("an alias's request came to the app that refuses")

    return passed_on_before


def _pattern(path: str) -> re.Pattern[str]:
    pieces = _PARAMETER.split(path)  # text and parameters' names by turns
    return re.compile("".join(f"(?P<{piece}>[^/]+)" if i % 2 else re.escape(piece) for i, piece in enumerate(pieces)))
