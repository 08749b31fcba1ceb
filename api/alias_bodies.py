"""A body as an earlier client spells it, made one as our route reads it, which is left to say what is wrong with it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from api.alias_rows import Spelling
from api.fields import LONG_BODY
from domain.errors import GatewayError
from domain.json_text import read_object

Member = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Translated:
    """
    The body for our route; and for the way back what the client calls fields that have two names, by what we call them.

    `faults` are what our route cannot know of fields that it refuses only as unknown.
    """

    body: bytes
    theirs: Mapping[str, str]
    faults: Mapping[str, str]


async def translated(body: bytes, spelling: Spelling) -> Translated:
    """The same as `translate`, off the event loop where our route reads off it."""
    return translate(body, spelling) if len(body) <= LONG_BODY else await asyncio.to_thread(translate, body, spelling)


def translate(body: bytes, spelling: Spelling) -> Translated:
    """Never fails: what is no JSON object goes on as it came. Fields that become the same one are both handed on."""
    try:
        sent = read_object(body)
    except GatewayError:  # our route reads it in the same way, and says so
        return Translated(body, spelling.usual, {})
    members, theirs = _renamed(sent, spelling)
    _join(sent, spelling, members, theirs)
    faults = _compare(sent, spelling, members, theirs)
    return Translated(_object(members), theirs, faults)


def _renamed(sent: Mapping[str, msgspec.Raw], spelling: Spelling) -> tuple[list[Member], dict[str, str]]:
    members: list[Member] = []
    theirs = spelling.usual
    for name, value in sent.items():
        if name not in spelling.parts and name not in spelling.repeated:
            ours = spelling.names.get(name, name)
            members.append((ours, bytes(value)))
            if ours in theirs:
                theirs[ours] = name
    return members, theirs


def _join(sent: Mapping[str, msgspec.Raw], spelling: Spelling, members: list[Member], theirs: dict[str, str]) -> None:
    """Parts become one text; one that is no text stands for all of them, so that it is refused by its own name."""
    for ours in dict.fromkeys(spelling.parts.values()):
        parts = [(part, bytes(sent[part])) for part, whole in spelling.parts.items() if whole == ours and part in sent]
        if parts:
            name, value = next((part for part in parts if _text(part[1]) is None), (parts[0][0], _spaced(parts)))
            members.append((ours, value))
            if ours not in sent:
                theirs[ours] = name


def _compare(
    sent: Mapping[str, msgspec.Raw], spelling: Spelling, members: list[Member], theirs: Mapping[str, str]
) -> dict[str, str]:
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
