"""Small pieces of a vendor's JSON that are kept as text: references, ids, the words for a status."""

import re

import msgspec

from vendors.json_slices import NothingThere, Pointer, slice_json

LONGEST_REFERENCE = 500  # characters; a longer one is none: cut, it could be another's
LONGEST_REASON = 500

_NUMBER_OR_WORD = re.compile(r"-?[0-9][0-9.eE+-]*|true|false")


def scalar_at(body: bytes, pointer: Pointer) -> str | None:
    """
    A string, a number as it is spelled, or `true` or `false`; None where there is nothing of these.

    Raises `NotJson`.
    """
    try:
        raw = slice_json(body, pointer).strip()
    except NothingThere:
        return None
    if not raw.startswith('"'):
        return raw if _NUMBER_OR_WORD.fullmatch(raw) else None
    return _string(raw)


def reference_at(body: bytes, pointer: Pointer) -> str | None:
    """A string or a number that can be the vendor's own id of a job. Raises `NotJson`."""
    text = scalar_at(body, pointer)
    known = text is not None and text not in {"", "true", "false"} and len(text) <= LONGEST_REFERENCE
    return text if known else None


def reason_at(body: bytes, pointer: Pointer) -> str | None:
    """A string, cut to `LONGEST_REASON` characters; None where there is none. Raises `NotJson`."""
    try:
        raw = slice_json(body, pointer).strip()
    except NothingThere:
        return None
    text = _string(raw) if raw.startswith('"') else None
    return text[:LONGEST_REASON] if text else None


def _string(raw: str) -> str | None:
    """None for a string with a lone surrogate: no store of ours could hold it."""
    try:
        return msgspec.json.decode(raw, type=str)
    except msgspec.DecodeError:
        return None
