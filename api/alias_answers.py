"""Our answer, on its way to an earlier client: the same, but for the names that the client gave to things."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec
from litestar.types import HTTPResponseStartEvent, Message, Send

from api.alias_bodies import Translated
from api.alias_rows import Alias
from api.auth_answers import COOKIE, COOKIE_PATH
from api.queries import sum_up
from domain.edge.problems import MEDIA_TYPE, Problem, ProblemFault
from domain.errors import FieldError
from domain.json_text import pointer_to

DEPRECATED_SINCE = datetime(2026, 11, 21, tzinfo=UTC)  # there was never a day on which a new client should have come so

Line = tuple[bytes, bytes]

_PROBLEM = MEDIA_TYPE.encode()
_COOKIE = f"{COOKIE}=".encode()


def deprecated(rows: Collection[Alias]) -> list[Line]:
    """
    That there is something newer, and where (RFC 9745, RFC 5829).

    Parameters are left as they are in the template: a token is logged sooner from a header than from a body.
    """
    paths = dict.fromkeys(quote(row.successor) for row in rows)
    since = f"@{int(DEPRECATED_SINCE.timestamp())}"
    links = ", ".join(f'<{path}>; rel="successor-version"' for path in paths)
    return [(b"deprecation", since.encode()), (b"link", links.encode())]


class AliasAnswer:
    """Sends an answer on. A problem is held back until it is whole, and told in the client's own words."""

    def __init__(self, send: Send, row: Alias, instance: str) -> None:
        self.translated: Translated | None = None  # as soon as somebody read the request's body
        self._send = send
        self._row = row
        self._instance = instance
        self._held: HTTPResponseStartEvent | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*(self._line(*line) for line in message["headers"]), *deprecated([self._row])]
            if _is_ours(message["headers"]):
                self._held = message
                return
        elif message["type"] == "http.response.body" and self._held is not None:
            await self._send_problem(self._held, message.get("body", b""), more=message.get("more_body", False))
            return
        await self._send(message)

    async def _send_problem(self, start: HTTPResponseStartEvent, piece: bytes, *, more: bool) -> None:
        self._body += piece
        if more:
            return
        told = msgspec.json.decode(self._body, type=Problem)
        whole = msgspec.json.decode(self._body, type=dict[str, msgspec.Raw])
        anew = msgspec.to_builtins(_in_their_words(told, self._instance, self.translated))
        body = msgspec.json.encode({**whole, **anew})  # a problem may have more to tell than every problem does
        others = [line for line in start["headers"] if line[0] != b"content-length"]
        start["headers"] = [*others, (b"content-length", str(len(body)).encode())]
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    def _line(self, name: bytes, value: bytes) -> Line:
        """The refresh cookie goes where this client's refresh is; nothing else of it changes."""
        if name == b"set-cookie" and value.startswith(_COOKIE) and self._row.cookie is not None:
            ours, theirs = f"; Path={COOKIE_PATH};", f"; Path={self._row.cookie};"
            return name, value.replace(ours.encode(), theirs.encode())
        return name, value


def _is_ours(headers: Iterable[Line]) -> bool:
    """Whether it is a problem of the gateway's: one that a service answers, by way of us, is in its own words."""
    told = dict(headers)
    return told.get(b"content-type") == _PROBLEM and b"via" not in told


def _in_their_words(told: Problem, instance: str, translated: Translated | None) -> Problem:
    faults = [_fault(fault, translated) for fault in told.errors] if translated is not None else told.errors
    sums_them_up = told.detail == _summary(told.errors)
    detail = _summary(faults) if sums_them_up else told.detail
    return msgspec.structs.replace(told, instance=instance, errors=faults, detail=detail, message=detail)


def _fault(fault: ProblemFault, translated: Translated) -> ProblemFault:
    for name, detail in translated.faults.items():
        if fault.pointer == pointer_to(name):
            return ProblemFault(fault.pointer, detail)
    return ProblemFault(_in_theirs(fault.pointer, translated.theirs), fault.detail)


def _in_theirs(pointer: str, theirs: Mapping[str, str]) -> str:
    """Where it stands in what the client sent: as it is told of the field itself, or else of what that is within."""
    head, tail = pointer, ""
    while head and head not in theirs:
        head, _, last = head.rpartition("/")
        tail = f"/{last}{tail}"
    return theirs.get(head, "") + tail


def _summary(faults: Collection[ProblemFault]) -> str:
    return sum_up([FieldError(fault.pointer, fault.detail) for fault in faults])
