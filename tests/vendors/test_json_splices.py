"""Setting values into JSON text: the value is there, and no other byte has changed."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vendors.json_slices import NothingThere, Pointer, read_pointer, slice_json
from vendors.json_splices import Unfit, set_json

MARK = '"MARK"'
NAMES = st.sampled_from(["a", "b", "~", "/", "", "0", "-", "ü", "\ud800"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
PAYLOADS = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3))
POINTERS = st.lists(NAMES | st.sampled_from(["1", "2", "00"]), min_size=1, max_size=4).map(tuple)


def set_value(document: Any, pointer: Pointer, value: object) -> Any:
    """The same on what the text means, said as plainly as possible."""
    token, *rest = pointer
    if isinstance(document, list):
        token = str(len(document)) if token == "-" else token
        if token not in {str(index) for index in range(len(document) + 1)}:
            raise Unfit
        held = dict(enumerate(document))
        made = set_value(held.get(int(token), {}), tuple(rest), value) if rest else value
        return list((held | {int(token): made}).values())
    if not isinstance(document, dict):
        raise Unfit
    return document | {token: set_value(document.get(token, {}), tuple(rest), value) if rest else value}


@given(PAYLOADS, POINTERS, st.sampled_from([None, 1, "x", {"y": []}]), st.sampled_from([None, 2]), st.booleans())
def test_the_text_then_means_the_payload_with_the_value_set(
    payload: Any, pointer: Pointer, value: object, indent: int | None, escaped: bool
) -> None:
    text = json.dumps(payload, indent=indent, ensure_ascii=escaped)
    try:
        expected = set_value(payload, pointer, value)
    except Unfit:
        with pytest.raises(Unfit):
            set_json(text, pointer, json.dumps(value))
    else:
        assert json.loads(set_json(text, pointer, json.dumps(value))) == expected


@given(PAYLOADS, POINTERS, st.sampled_from([None, 2]))
def test_no_byte_changes_but_those_of_a_value_that_is_replaced(
    payload: Any, pointer: Pointer, indent: int | None
) -> None:
    text, replaced = json.dumps(payload, indent=indent), ""
    try:
        changed = set_json(text, pointer, MARK)
    except Unfit:
        return
    with suppress(NothingThere):
        replaced = slice_json(text.encode(), pointer)
    ways = ((text[:at], text[at + len(replaced) :]) for at in range(len(text) - len(replaced) + 1))
    inserted = [
        changed.removeprefix(before).removesuffix(after)
        for before, after in ways
        if changed.startswith(before) and changed[len(before) :].endswith(after)
    ]
    assert any(new == MARK if replaced else MARK in new for new in inserted)


@pytest.mark.parametrize(
    ("text", "pointer", "then"),
    [
        ("{}", "/a", '{"a":1}'),
        (" { } ", "/a", ' {"a":1 } '),
        ('{ "b" : 1.50 }', "/a", '{ "b" : 1.50,"a":1 }'),
        ('{"a": 123456789012345678901234567890, "a": 1E400, "\\u0061": {"\\ud800": 0}}', "/b", None),
        ('{"a": 1, "a" : [2] }', "/b", '{"a": 1, "a" : [2],"b":1 }'),
        ('{"\\u0061": 2}', "/a", '{"\\u0061": 1}'),
        ('{"a": {"b": 2}}', "/a/c/d", '{"a": {"b": 2,"c":{"d":1}}}'),
        ('{"a": {}}', "/a~1b/~0", '{"a": {},"a/b":{"~":1}}'),
        ("[]", "/-", "[1]"),
        ("[ 5, 6]", "/1", "[ 5, 1]"),
        ("[ 5, 6]", "/2", "[ 5, 6,1]"),
        ("[ 5]", "/-/x", '[ 5,{"x":1}]'),
    ],
)
def test_the_new_text_is_the_old_one_and_the_value(text: str, pointer: str, then: str | None) -> None:
    assert set_json(text, read_pointer(pointer), "1") == (then or text[:-1] + ',"b":1}')


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ("1", "/a"),
        ("null", "/a"),
        ('"{}"', "/a"),
        ('{"a": null}', "/a/b"),
        ('{"a": 1}', "/a/b"),
        ("[]", "/a"),
        ("[]", "/1"),
        ("[1, 2]", "/00"),
        ("[1, 2]", "/+1"),
        ("[1, 2]", "/٠"),
        ("[]", "/" + "9" * 5000),
        ('{"a": 1, "a": 2}', "/a"),  # a vendor that reads the first would be told another value than ours
        ('{"a": {}, "\\u0061": {}}', "/a/b"),
    ],
)
def test_a_text_that_has_no_room_there_is_unfit(text: str, pointer: str) -> None:
    with pytest.raises(Unfit):
        set_json(text, read_pointer(pointer), "1")
