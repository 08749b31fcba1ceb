"""
Stripe's form encoding: `line_items[0][price_data][currency]=usd` is a list of objects, `expand[]=customer` a list.

https://docs.stripe.com/api: bodies are form-encoded, with brackets for what is nested.
"""

import re
from typing import Any
from urllib.parse import parse_qsl

from loadtest.stripe.refusals import Refusal

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_STEP = re.compile(r"\[([^\[\]]*)\]")
_MOST_PAIRS = 1000
_FREE = "metadata"  # its keys are the caller's: `metadata[0]` is no list

Pairs = list[tuple[str, str]]
Tree = dict[str, Any]


def pairs_of(encoded: bytes) -> Pairs:
    """The names and values as they were sent. Raises `Refusal`."""
    try:
        text = encoded.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=_MOST_PAIRS)
    except ValueError:
        raise Refusal("Invalid request: the parameters are not form-encoded.") from None


def tree_of(pairs: Pairs) -> Tree:
    """The same, nested. Raises `Refusal` for a name that is no name, or is two things at once."""
    tree: Tree = {}
    for name, value in pairs:
        found = _NAME.fullmatch(name)
        if found is None:
            raise Refusal(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
        _put(tree, [found[1], *_STEP.findall(found[2])], value, name)
    return {name: _with_lists(name, value) for name, value in tree.items()}


def spelt(path: list[str]) -> str:
    """`["line_items", "0", "quantity"]` as Stripe names it: `line_items[0][quantity]`."""
    return path[0] + "".join(f"[{step}]" for step in path[1:]) if path else ""


def _put(tree: Tree, path: list[str], value: str, name: str) -> None:
    place = tree
    for step in path[:-1]:
        place = place.setdefault(step or str(len(place)), {})
        if not isinstance(place, dict):
            raise Refusal(f"Invalid object: {name} is a value and an object at once", param=name)
    last = path[-1] or str(len(place))
    if isinstance(place.get(last), dict):
        raise Refusal(f"Invalid object: {name} is a value and an object at once", param=name)
    place[last] = value


def _with_lists(name: str, value: Any) -> Any:
    if not isinstance(value, dict) or name == _FREE:
        return value
    inner = {key: _with_lists(key, found) for key, found in value.items()}
    if inner and all(key.isdecimal() for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner
