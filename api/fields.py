"""A small JSON body, read strictly: each field by its type, every fault at once, and nothing that is not asked for."""

import asyncio
import re
from itertools import islice
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from api.queries import read_query, refuse
from domain.edge.answers import AnyRequest
from domain.edge.bodies import read_body, require_json
from domain.errors import FieldError, Invalid
from domain.json_text import pointer_to, read_object

MOST_FAULTS = 100  # of one body; an answer need not be larger than the request
LONG_BODY = 8 * 1024  # beyond, one of many members takes up to half a second to read: not on the event loop

_WHOLE = re.compile(rb"0|[1-9][0-9]{0,17}")


class Fields:
    """The members of a body that nobody has taken yet, and the faults of those that were."""

    def __init__(self, members: dict[str, msgspec.Raw], *within: str) -> None:
        """`within` are the names that lead to them, where they are not the outermost."""
        self._members = members
        self._within = within
        self._asked: list[str] = []
        self._faults: list[FieldError] = []

    def has(self, name: str) -> bool:
        return name in self._members

    def take(self, name: str, kind: Any, detail: str) -> Any:
        """The member, of this type; `UNSET` where it is absent, or has a fault, which `detail` says."""
        self._asked.append(name)
        raw = self._members.pop(name, None)
        if raw is None:
            return UNSET
        try:
            return msgspec.json.decode(raw, type=kind)
        except (msgspec.DecodeError, RecursionError, OverflowError):
            return self.blame(name, detail)

    def require(self, name: str, kind: Any, detail: str) -> Any:
        if name not in self._members:
            self._asked.append(name)
            return self.blame(name, "is missing; it is required")
        return self.take(name, kind, detail)

    def expect(self, *names: str) -> None:
        """Blame what is missing, for fields that are not taken by `require`."""
        for name in names:
            if name not in self._members:
                self.blame(name, "is missing; it is required")

    def take_whole(self, name: str, least: int, most: int, detail: str | None = None) -> int | UnsetType:
        """A whole number as JSON spells one: `true`, `"1"`, `1.0` and `1e2` are none. `least` is not negative."""
        detail = detail or f"must be a whole number from {least} to {most}"
        raw: msgspec.Raw | UnsetType = self.take(name, msgspec.Raw, detail)
        if isinstance(raw, UnsetType):
            return raw
        text = bytes(raw).strip()
        if _WHOLE.fullmatch(text) and least <= int(text) <= most:
            return int(text)
        return self.blame(name, detail)

    def take_null(self, name: str) -> bool:
        """Whether the member is there and null; any other is left to be taken."""
        raw = self._members.get(name)
        if raw is None or bytes(raw).strip() != b"null":
            return False
        self._asked.append(name)
        del self._members[name]
        return True

    def take_inner(self, name: str, detail: str) -> "Fields | UnsetType":
        """The members of an object, each to be taken in turn; what its `end` raises is for `take_over`."""
        raw: msgspec.Raw | UnsetType = self.take(name, msgspec.Raw, detail)
        if isinstance(raw, UnsetType):
            return raw
        try:
            return Fields(read_object(bytes(raw)), *self._within, name)
        except Invalid:
            return self.blame(name, detail)

    def refuse(self, name: str, detail: str) -> UnsetType:
        """What a client may well expect to be a field, and is told why it is none."""
        return UNSET if self._members.pop(name, None) is None else self.blame(name, detail)

    def blame(self, name: str, detail: str) -> UnsetType:
        self._faults.append(FieldError(pointer_to(*self._within, name), detail))
        return UNSET

    def take_over(self, fault: Invalid) -> UnsetType:
        """Tell the faults of a rule that refused a field together with the others."""
        self._faults += fault.errors
        return UNSET

    def end(self) -> None:
        """Raises `Invalid` with every fault; what is left is one."""
        known = f"is not a field here; these are: {', '.join(self._asked)}"
        for name in islice(self._members, MOST_FAULTS):
            self.blame(name, known if self._asked else "is not known here: this route takes no body")
        refuse(self._faults)


async def read_fields(request: AnyRequest) -> Fields:
    """Raises `UnsupportedMedia`, `TooLarge`, `BadSyntax`, or `Invalid` for what is no object."""
    require_json(request.scope)
    return await fields_of(await read_body(request.scope, request.receive))


async def read_nothing(request: AnyRequest) -> None:
    """For routes that take neither a query nor a body, `{}` being as good as none. Raises what is wrong."""
    read_query(request.scope)
    body = await read_body(request.scope, request.receive)
    if body:
        require_json(request.scope)
        (await fields_of(body)).end()


async def fields_of(body: bytes) -> Fields:
    """Raises `BadSyntax`, or `Invalid` for what is no object."""
    if len(body) <= LONG_BODY:
        return Fields(read_object(body))
    return Fields(await asyncio.to_thread(read_object, body))
