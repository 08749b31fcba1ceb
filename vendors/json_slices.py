"""
Taking a piece out of JSON text without changing a byte of it (RFC 8259, pointers by RFC 6901).

A vendor's numbers of any size, its duplicate keys and its spelling survive, because the text is
sliced and never written anew. msgspec does it fast, and refuses one thing that RFC 8259 allows, a
lone surrogate escape; texts with one take a slow path through the standard library.
"""

import codecs
import re
from collections.abc import Iterator
from json import JSONDecoder
from typing import NoReturn

import msgspec

Pointer = tuple[str, ...]  # a JSON Pointer's tokens, unescaped; () is the whole document

_SPACE = re.compile(r"[ \t\n\r]*")
_BAD_ESCAPE = re.compile(r"~(?![01])")


class NotJson(ValueError):
    """The text is not JSON, or nested so deeply that no parser here reads it (about a thousand levels)."""


class NothingThere(LookupError):
    """The pointer leads nowhere in this text."""


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


# Numbers are not read: one of a million digits would take its time, and Python refuses those of 4,300.
_DECODER = JSONDecoder(parse_constant=_refuse, parse_int=str, parse_float=str)


def read_pointer(text: str) -> Pointer:
    """The tokens of a JSON Pointer. Raises ValueError."""
    if text and not text.startswith("/"):
        raise ValueError('a JSON Pointer is "" or starts with "/"')
    if _BAD_ESCAPE.search(text):
        raise ValueError('in a JSON Pointer "~" is written "~0"')
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in text.split("/")[1:])


def slice_json(body: bytes, pointer: Pointer) -> str:
    """
    The value at `pointer`, as it is spelled in `body`; of duplicate keys the last.

    Raises `NotJson` and `NothingThere`.
    """
    try:
        text = body.removeprefix(codecs.BOM_UTF8).decode()
        try:
            return _slice(text, pointer)
        except msgspec.DecodeError:
            return _slice_slowly(text, pointer)
    except (ValueError, RecursionError):
        raise NotJson("not JSON") from None


def _slice(text: str, pointer: Pointer) -> str:
    raw = msgspec.json.decode(text, type=msgspec.Raw)
    for token in pointer:
        raw = _member(raw, token)
    return bytes(raw).decode()


def _member(raw: msgspec.Raw, token: str) -> msgspec.Raw:
    members: dict[str, msgspec.Raw] = {}
    match memoryview(raw)[:1].tobytes():
        case b"{":
            members = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        case b"[":
            items = msgspec.json.decode(raw, type=list[msgspec.Raw])
            members = {str(index): item for index, item in enumerate(items)}
    if token not in members:
        raise NothingThere
    return members[token]


def _slice_slowly(text: str, pointer: Pointer) -> str:
    _DECODER.decode(text)
    start, end = _SPACE.match(text, 0).end(), len(text.rstrip(" \t\n\r"))  # type: ignore[union-attr]
    for token in pointer:
        found = [(at, stop) for key, at, stop in members(text, start) if key == token]
        if not found:
            raise NothingThere
        start, end = found[-1]
    return text[start:end]


def members(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    """Name (or index), start and end of each member of the object or array at `at`, in text known to be JSON."""

    def skip(position: int) -> int:
        return _SPACE.match(text, position).end()  # type: ignore[union-attr]

    closing = {"{": "}", "[": "]"}.get(text[at])
    at, index = skip(at + 1), 0
    while closing and text[at] != closing:
        key = str(index)
        if closing == "}":
            key, colon = _DECODER.raw_decode(text, at)
            at = skip(skip(colon) + 1)
        _, end = _DECODER.raw_decode(text, at)
        yield key, at, end
        at, index = skip(end), index + 1
        if text[at] == ",":
            at = skip(at + 1)
