"""What readers of JSON may take in different ways is found anywhere in it, and nothing else is."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.json_faults import faults_in
from domain.json_text import MAX_DEPTH

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def pointers(text: str) -> list[str]:
    return [fault.pointer for fault in faults_in(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a":1,"a":2}', ["/a"]),
        ('{"a":{"b":1,"b":2}}', ["/a/b"]),
        ('{"a":[0,{"b":1},{"c":1,"d":2,"c":3}]}', ["/a/2/c"]),
        (r'{"a":1,"\u0061":2}', ["/a"]),
        ('{"a":1,"a":{"b":[],"b":[]}}', ["/a", "/a/b"]),
        ('{"":{"~/":1,"~/":2}}', ["//~0~1"]),
        ('{"a" : 1 , "b" : [ "a" , "a" , "b" ] }', []),
        ('{"a":{"a":{"a":"a"}},"b":[{"a":1},{"a":1}]}', []),
        (r'{"a":"\",\"a\":{","b":"}{[]"}', []),
        ("{}", []),
    ],
)
def test_a_member_that_is_given_twice_is_found_wherever_it_is(text: str, found: list[str]) -> None:
    assert pointers(text) == found


def test_as_many_levels_as_are_read_are_no_fault_and_one_more_is_told_where() -> None:
    lists = MAX_DEPTH - 1  # within the object
    assert pointers('{"a":' + "[" * lists + "]" * lists + "}") == []
    assert pointers('{"a":' + "[" * (lists + 1) + "]" * (lists + 1) + "}") == ["/a" + "/0" * lists]


@given(VALUES)
def test_what_a_parser_wrote_has_none(value: Any) -> None:
    assert pointers(json.dumps({"value": value})) == []


@given(VALUES, st.text())
def test_a_name_that_is_added_once_more_is_always_found(value: Any, name: str) -> None:
    quoted, text = json.dumps(name), json.dumps(value)
    assert len(pointers(f'{{"x":[{{{quoted}:{text},{quoted}:{text}}}]}}')) == 1
