"""
Setting values into JSON text without changing another byte of it (RFC 8259, pointers by RFC 6901).

The counterpart of `json_slices`: a payload's numbers of any size, its duplicate keys and its spelling survive.
"""

import json
import re
from dataclasses import dataclass

from vendors.json_slices import Pointer, members

_INDEX = re.compile(r"0|[1-9][0-9]*")
_SPACE = " \t\n\r"


class Unfit(LookupError):
    """The text has something there that can hold no members, or the member twice: nobody can say which one is read."""


@dataclass(frozen=True, slots=True)
class _Place:
    """What a pointer's first token leads to inside one object or array: a span of the text, empty where it is new."""

    start: int
    end: int
    found: bool
    before: str = ""  # what makes a value there a member


def set_json(text: str, pointer: Pointer, value: str) -> str:
    """
    `text`, which is JSON, with `value` at `pointer`, which is not the whole document.

    A member that is there is replaced, one that is not is added at the end, with the objects around it.
    In an array the index behind the last, and "-", append. Raises `Unfit`.
    """
    at, end = len(text) - len(text.lstrip(_SPACE)), len(text)
    for depth, token in enumerate(pointer):
        place = _find(text, at, token)
        if not place.found:
            return text[: place.start] + place.before + _wrapped(pointer[depth + 1 :], value) + text[place.end :]
        at, end = place.start, place.end
    return text[:at] + value + text[end:]


def _find(text: str, at: int, token: str) -> _Place:
    if text[at] not in "{[":
        raise Unfit
    inside = list(members(text, at))
    if text[at] == "[":
        token = _index(token, len(inside))
    found = [(start, end) for key, start, end in inside if key == token]
    if len(found) > 1:
        raise Unfit
    if found:
        return _Place(*found[0], found=True)
    end = inside[-1][2] if inside else at + 1
    name = json.dumps(token) + ":" if text[at] == "{" else ""
    return _Place(end, end, found=False, before=("," if inside else "") + name)


def _index(token: str, length: int) -> str:
    """The index that `token` means in an array of this length."""
    if token == "-":  # noqa: S105 - no password, a pointer's token
        return str(length)
    if not _INDEX.fullmatch(token) or len(token) > len(str(length)) or int(token) > length:
        raise Unfit
    return token


def _wrapped(names: Pointer, value: str) -> str:
    """`value` inside the objects that are missing around it."""
    for name in reversed(names):
        value = f"{{{json.dumps(name)}:{value}}}"
    return value
