"""A body as an earlier client spells it, made one as our route reads it, which is left to say what is wrong with it."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from api.alias_rows import Spelling
from api.fields import LONG_BODY
from domain.errors import GatewayError
from domain.json_text import pointer_to, read_object

Member = tuple[str, bytes]
Sent = Mapping[str, msgspec.Raw]

_WHOLE = re.compile(r"[1-9][0-9]{0,17}")
_NOT_YOU = "must be your own id, or left out: whose it is follows from who is signed in"
_NO_TEXT = "is missing, or no text; it is required"


@dataclass(frozen=True, slots=True)
class Translated:
    """
    The body for our route; and for the way back where a field stands in what the client sent, by where it does in ours.

    `faults` are what our route cannot know of fields that it refuses only as unknown.
    """

    body: bytes
    theirs: Mapping[str, str]  # pointers, both
    faults: Mapping[str, str]  # by the client's name


async def translated(body: bytes, spelling: Spelling, *, user: str = "", named: str | None = None) -> Translated:
    """The same as `translate`, off the event loop where our route reads off it."""
    if len(body) <= LONG_BODY:
        return translate(body, spelling, user=user, named=named)
    return await asyncio.to_thread(translate, body, spelling, user=user, named=named)


def translate(body: bytes, spelling: Spelling, *, user: str = "", named: str | None = None) -> Translated:
    """
    For a request of `user`. The member that is `named` is a parameter of our route, and is left out.

    Never fails: what is no JSON object goes on as it came. Fields that become the same one are both handed on.
    """
    try:
        sent = read_object(body)
    except GatewayError:  # our route reads it in the same way, and says so; to one without a body none may be missing
        return Translated(body if body or named is None else b"null", _pointers(spelling.usual), {})
    members, theirs = _renamed(sent, spelling)
    _join(sent, spelling, members, theirs)
    faults = _compare(sent, spelling, members, theirs) | _own(sent, spelling, members, user)
    faults |= {name: why for name, why in spelling.refused.items() if name in sent}
    pointers = _pointers(theirs)
    members = [_with_inner(_as_whole(member, spelling), spelling, theirs, pointers) for member in members]
    if named is not None:
        _take_out(named, members, theirs, faults)
    return Translated(_object(members), pointers, faults)


def parameter_in(body: bytes, spelling: Spelling, name: str) -> str | None:
    """The text of the member that is our `name`; None where there is none, or more than one."""
    try:
        sent = read_object(body)
    except GatewayError:
        return None
    found = [value for ours, value in _renamed(sent, spelling)[0] if ours == name]
    return _text(found[0]) if len(found) == 1 else None


def _renamed(sent: Sent, spelling: Spelling) -> tuple[list[Member], dict[str, str]]:
    members: list[Member] = []
    theirs = spelling.usual
    for name, value in sent.items():
        if name not in spelling.parts and name not in spelling.repeated and name not in spelling.own:
            ours = spelling.names.get(name, name)
            members.append((ours, bytes(value)))
            if ours in theirs:
                theirs[ours] = name
    return members, theirs


def _join(sent: Sent, spelling: Spelling, members: list[Member], theirs: dict[str, str]) -> None:
    """Parts become one text; one that is no text stands for all of them, so that it is refused by its own name."""
    for ours in dict.fromkeys(spelling.parts.values()):
        parts = [(part, bytes(sent[part])) for part, whole in spelling.parts.items() if whole == ours and part in sent]
        if parts:
            name, value = next((part for part in parts if _text(part[1]) is None), (parts[0][0], _spaced(parts)))
            members.append((ours, value))
            if ours not in sent:
                theirs[ours] = name


def _compare(sent: Sent, spelling: Spelling, members: list[Member], theirs: Mapping[str, str]) -> dict[str, str]:
    """
    Leaves out what says the same once more.

    What does not is handed on, for our route to refuse as unknown together with all else that is wrong.
    """
    wanted, faults = dict(members), {}
    for name, ours in spelling.repeated.items():
        text = _text(bytes(sent[name])) if name in sent else None
        if name in sent and (text is None or text != _text(wanted.get(ours, b""))):
            members.append((name, bytes(sent[name])))
            faults[name] = f"must be the same as {theirs.get(ours, ours)}"
    return faults


def _own(sent: Sent, spelling: Spelling, members: list[Member], user: str) -> dict[str, str]:
    """Leaves out what names the caller; what names another is handed on, to be refused as above."""
    others = [name for name in spelling.own if name in sent and not (user and _text(bytes(sent[name])) == user)]
    members += [(name, bytes(sent[name])) for name in others]
    return dict.fromkeys(others, _NOT_YOU)


def _as_whole(member: Member, spelling: Spelling) -> Member:
    """Text that is no number as our route reads one is handed on, for that to refuse."""
    name, value = member
    text = _text(value) if name in spelling.whole else None
    return (name, text.encode()) if text is not None and _WHOLE.fullmatch(text) else member


def _with_inner(member: Member, spelling: Spelling, theirs: Mapping[str, str], pointers: dict[str, str]) -> Member:
    """An array's objects are respelled each for itself; what is none is handed on."""
    name, value = member
    inner = spelling.inner.get(name)
    try:
        items = None if inner is None else msgspec.json.decode(value, type=list[msgspec.Raw])
    except msgspec.DecodeError:
        items = None
    if inner is None or items is None:
        return member
    told = []
    for place, item in enumerate(items):
        body, names = _respelled(bytes(item), inner)
        told.append(body)
        at = (str(place),)
        pointers |= {
            pointer_to(name, *at, ours): pointer_to(theirs.get(name, name), *at, other) for ours, other in names.items()
        }
    return name, b"[" + b",".join(told) + b"]"


def _respelled(item: bytes, inner: Spelling) -> tuple[bytes, Mapping[str, str]]:
    try:
        members, theirs = _renamed(read_object(item), inner)
    except GatewayError:
        return item, {}
    return _object(members), theirs


def _take_out(named: str, members: list[Member], theirs: Mapping[str, str], faults: dict[str, str]) -> None:
    """What is no text is refused by the client's name of it; one of our own body has no such name."""
    found = [member for member in members if member[0] == named]
    members[:] = [member for member in members if member[0] != named]
    if len(found) != 1 or _text(found[0][1]) is None:
        name = theirs.get(named, named)
        members.append((name, b"null"))
        faults[name] = _NO_TEXT if len(found) < 2 else "is given under two names; give one"


def _pointers(theirs: Mapping[str, str]) -> dict[str, str]:
    return {pointer_to(ours): pointer_to(name) for ours, name in theirs.items()}


def _spaced(parts: Sequence[Member]) -> bytes:
    return msgspec.json.encode(" ".join(text for _, value in parts if (text := _text(value))))


def _text(value: bytes) -> str | None:
    try:
        return msgspec.json.decode(value, type=str)
    except msgspec.DecodeError:
        return None


def _object(members: Sequence[Member]) -> bytes:
    """A name may stand in it twice, which our route refuses."""
    return b"{" + b",".join(msgspec.json.encode(name) + b":" + value for name, value in members) + b"}"
