"""Slicing JSON text: not a byte changes, and no text breaks it."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vendors.json_slices import NothingThere, NotJson, read_pointer, slice_json

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "text",
    [
        "1.0",
        "1E400",
        "-0",
        "9" * 5000,
        '{"a": 1 , "a":2}',
        '"\\u0041\\/"',
        '"\\u0000"',
        "[ ]",
        "null",
        '"ü€😀"',
        '{"$x.y": 1}',
        '"\\ud800"',
        '{"a": ["\\udfff\\ud800", 1e5]}',
        '"\\\\ud800"',
    ],
)
def test_the_whole_document_is_kept_byte_for_byte(text: str) -> None:
    assert slice_json(text.encode(), ()) == text


@pytest.mark.parametrize("lone", ["", '"z": "\\ud800", '])
@pytest.mark.parametrize(
    ("pointer", "piece"),
    [
        ("/a", "1.50"),
        ("/list/1", '{"x" : [1,2]}'),
        ("/list/1/x/0", "1"),
        ("/a~1b", '"s"'),
        ("/m~0n", "123456789012345678901"),
        ("/", "true"),
        ("/twice", "2"),
        ("/deep/", '"\\u0041"'),
    ],
)
def test_a_piece_is_kept_byte_for_byte_by_the_fast_way_and_the_slow(pointer: str, piece: str, lone: str) -> None:
    text = f'  {{{lone}"a" : 1.50, "list": [ 0 , {{"x" : [1,2]}} ], "a/b": "s", "m~n": 123456789012345678901,'
    text += ' "": true, "twice": 1, "twice": 2 , "deep": {"": "\\u0041"}}\n'
    assert slice_json(text.encode(), read_pointer(pointer)) == piece


@pytest.mark.parametrize("lone", ["", '"z": "\\ud800", '])
@pytest.mark.parametrize("pointer", ["/b", "/list/2", "/list/01", "/list/-", "/list/-1", "/list/x", "/a/b", "/text/0"])
def test_a_pointer_that_leads_nowhere_says_so(pointer: str, lone: str) -> None:
    text = f'{{{lone}"a": 1, "list": [1, 2], "text": "xyz"}}'
    with pytest.raises(NothingThere):
        slice_json(text.encode(), read_pointer(pointer))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"[1,]",
        b"NaN",
        b"-Infinity",
        b'{"a":01}',
        b"{} {}",
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b"'a'",
        b'"\x01"',
        b'["\\ud800", NaN]',
        b'["\\ud800", 01]',
        b"\xff\xfe1\x00",
        b"[" * 100_000,
        b'["\\ud800",' + b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
    ],
)
def test_what_is_not_json_or_too_deep_is_refused(body: bytes) -> None:
    with pytest.raises(NotJson):
        slice_json(body, ())


def test_a_byte_order_mark_is_not_part_of_the_value() -> None:
    assert slice_json(b"\xef\xbb\xbf{}", ()) == "{}"


@given(JSON_VALUES, st.booleans())
def test_a_value_is_found_as_it_was_spelled(value: object, ascii_only: bool) -> None:
    text = json.dumps({"a": None, "a/b~c": value, "z": [1]}, ensure_ascii=ascii_only)
    assert slice_json(text.encode(), read_pointer("/a~1b~0c")) == json.dumps(value, ensure_ascii=ascii_only)


@given(st.binary(max_size=40))
def test_no_bytes_break_it(body: bytes) -> None:
    with suppress(NotJson):
        json.loads(slice_json(body, ()))


@given(st.lists(st.text()))
def test_a_pointer_is_read_as_it_was_written(tokens: list[str]) -> None:
    text = "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in tokens)
    assert read_pointer(text) == tuple(tokens)


@pytest.mark.parametrize("text", ["a", "a/b", "/~", "/~2", "#/a"])
def test_a_bad_pointer_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="JSON Pointer"):
        read_pointer(text)
