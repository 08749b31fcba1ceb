"""What is JSON and what is not, held against the standard library's reading, and what msgspec is trusted with."""

import json
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadSyntax, GatewayError, Invalid
from domain.json_text import MAX_DEPTH, is_too_deep, member_names, pointer_to, read_object

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=5), children, max_size=4),
    max_leaves=20,
)


def nested(levels: int) -> bytes:
    return (
        b'{"a":' * (levels // 2) + b"[" * (levels - levels // 2) + b"]" * (levels - levels // 2) + b"}" * (levels // 2)
    )


@given(st.dictionaries(st.text(max_size=9), VALUES, max_size=6), st.sampled_from([None, 2]))
def test_the_members_of_any_object_are_found_unchanged(value: dict[str, object], indent: int | None) -> None:
    body = json.dumps(value, ensure_ascii=False, indent=indent).encode()
    members = read_object(body)
    assert {name: json.loads(bytes(raw)) for name, raw in members.items()} == value
    assert all(bytes(raw) in body for raw in members.values())


@given(st.binary(max_size=120) | st.text('{}[]",:\\ud8cf0123456789.eE+-truefalsn ', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused_and_never_wrongly(body: bytes) -> None:
    try:
        members = read_object(body)
    except GatewayError:
        return
    loaded = json.loads(body)  # what is accepted, the standard library reads in the same way
    assert loaded.keys() == members.keys()


@given(st.text(alphabet='\\ud8DcC09fFab"x', max_size=24))
def test_an_escape_that_is_half_a_pair_is_never_accepted(text: str) -> None:
    body = f'{{"a": "{text}"}}'.encode()
    with suppress(GatewayError):
        for value in (bytes(raw) for raw in read_object(body).values()):
            json.loads(value).encode()  # a lone surrogate does not encode


@pytest.mark.parametrize("levels", [1, 2, MAX_DEPTH, MAX_DEPTH + 1, 400])
def test_depth_is_counted_in_objects_and_arrays(levels: int) -> None:
    assert is_too_deep(nested(levels)) == (levels > MAX_DEPTH)


def test_brackets_in_strings_are_no_depth() -> None:
    assert not is_too_deep(json.dumps(["[" * 100, '\\"[{' * 100]).encode())


def test_width_is_no_depth() -> None:
    assert not is_too_deep(b"[" + b",".join([b"[{}]"] * 1_000) + b"]")


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b'{"a":' + b"[" * 100_000, nested(100_000)])
def test_absurd_depth_is_refused_and_no_crash(body: bytes) -> None:
    with pytest.raises(Invalid):
        read_object(body)


@pytest.mark.parametrize("body", [b'{"a":1,"a":2}', rb'{"a":1,"\u0061":2}', b'{"x":"\\"a\\"","a":{"a":1},"a":2}'])
def test_a_name_given_twice_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        read_object(body)
    assert [fault.pointer for fault in refused.value.errors] == ["/a"]


@pytest.mark.parametrize("body", [b'{"a":{"a":1,"a":2},"b":"\\u0061"}', b'{"a":"\\"a\\":"}', b'{"b":["a","a"],"a":1}'])
def test_names_further_in_are_none_of_our_business(body: bytes) -> None:
    assert "a" in read_object(body)


def test_very_many_members_are_read_in_reasonable_time() -> None:
    body = json.dumps({str(n): n for n in range(50_000)}).encode()
    assert len(read_object(body)) == 50_000


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=5))
def test_member_names_are_those_of_the_outermost_object(value: dict[str, object]) -> None:
    assert list(member_names(json.dumps(value))) == list(value)


def test_a_pointer_escapes_what_rfc_6901_asks() -> None:
    assert pointer_to("a/b", "m~n", "") == "/a~1b/m~0n/"


@pytest.mark.parametrize("text", [b"1", b'"x"', b"-0.0e-7", b'"\\u0000"', b"9" * 5_000, b"1e400"])
def test_msgspec_hands_values_on_untouched(text: bytes) -> None:
    assert bytes(read_object(b'{"a": ' + text + b" }")["a"]) == text


def test_msgspec_lets_invalid_utf8_through_which_is_why_we_check() -> None:
    assert msgspec.json.decode(b'{"a":"\xff"}', type=dict[str, msgspec.Raw])
    with pytest.raises(BadSyntax):
        read_object(b'{"a":"\xff"}')
