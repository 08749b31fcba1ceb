"""Fingerprints ignore the order of keys and the spacing, and nothing else."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.fingerprints import canonical, fingerprint
from tests.domain.test_json_text import VALUES


def shuffled(value: Any, order: random.Random) -> Any:
    """The same value, its objects' keys in another order."""
    if isinstance(value, list):
        return [shuffled(item, order) for item in value]
    if isinstance(value, dict):
        names = list(value)
        order.shuffle(names)
        return {name: shuffled(value[name], order) for name in names}
    return value


@given(VALUES, st.randoms(use_true_random=False), st.sampled_from([None, 1, 4]))
def test_order_and_spacing_do_not_matter(value: Any, order: random.Random, indent: int | None) -> None:
    assert fingerprint(json.dumps(value)) == fingerprint(json.dumps(shuffled(value, order), indent=indent))


@given(VALUES, VALUES)
def test_other_values_have_other_fingerprints(one: Any, other: Any) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (fingerprint(json.dumps(one)) == fingerprint(json.dumps(other))) == same


@given(VALUES)
def test_the_canonical_form_says_the_same(value: Any) -> None:
    text = canonical(json.dumps(value))
    assert json.loads(text) == value
    assert canonical(text) == text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1.0"),
        ("1e2", "1E2"),
        ("100", "1e2"),
        (r'"A"', r'"\u0041"'),
        (r'"\u00e9"', r'"\u00E9"'),
        ("[1,2]", "[2,1]"),
        ('" a"', '"a"'),
        ('{"a":1,"a":2}', '{"a":2,"a":1}'),
        ('{"a":[1],"b":2}', '{"a":[1,2],"b":2}'),
        ('["a,b"]', '["a","b"]'),
        ("[[]]", "[]"),
        ("{}", "[]"),
    ],
)
def test_nothing_else_is_ignored(one: str, other: str) -> None:
    assert fingerprint(one) != fingerprint(other)


def test_repeated_keys_keep_their_order_among_others() -> None:
    assert fingerprint('{"b":0,"a":1,"a":2}') == fingerprint('{"a":1, "b":0, "a":2}')


def test_strings_with_brackets_and_escaped_quotes_are_one_piece() -> None:
    assert canonical(r'{"b": "}\"{[,:", "a": "\\"}') == r'{"a":"\\","b":"}\"{[,:"}'
