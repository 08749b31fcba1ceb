"""
JSON that a gateway answered, taken apart and not written anew.

A result is what a vendor wrote: numbers of any size, and half a surrogate pair, which is JSON and no text.
"""

from collections.abc import Mapping

from vendors.json_slices import NotJson, members, slice_json

Fields = Mapping[str, str]  # of an object, each value as it is spelled


def read_fields(content: bytes) -> Fields:
    """Raises `NotJson`, for JSON that is no object too."""
    return dict(_members(content, "{"))


def read_items(text: str) -> list[str]:
    """The items of an array, as they are spelled. Raises `NotJson`."""
    return [value for _, value in _members(text.encode(), "[")]


def _members(content: bytes, opening: str) -> list[tuple[str, str]]:
    text = slice_json(content, ())
    if not text.startswith(opening):
        raise NotJson("JSON, but of another form")
    return [(name, text[start:end]) for name, start, end in members(text, 0)]
