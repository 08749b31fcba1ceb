"""
What an operation takes: a struct of parameters, read strictly, with Stripe's words for what is wrong.

A struct names in `unset` those that an empty value takes away; any other empty value is refused, as Stripe does.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, TypeVar

import msgspec

from loadtest.stripe.forms import Tree, spelt
from loadtest.stripe.refusals import Refusal, missing_param

MOST_KEYS, LONGEST_KEY, LONGEST_VALUE = 50, 40, 500
_INTEGER = re.compile(r"-?\d{1,18}")
_INTEGERS = frozenset(
    {"amount", "amount_to_capture", "unit_amount", "quantity", "expires_at", "exp_month", "exp_year", "limit"}
    | {"created", "gt", "gte", "lt", "lte"}
)
_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")
_FIELD = re.compile(r"field `([^`]+)`")

Metadata = dict[str, str]
Text = Annotated[str, msgspec.Meta(max_length=5000)]
P = TypeVar("P", bound="Params")


class Params(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """`expand` is taken by every operation. `removed`: what former versions took, and the code that says so."""

    unset: ClassVar[frozenset[str]] = frozenset()
    removed: ClassVar[Mapping[str, str]] = {}

    expand: tuple[str, ...] = ()


def read(tree: Tree, kind: type[P]) -> P:
    """Raises `Refusal`: nothing has begun then, and no idempotency key is used up by it."""
    for name in kind.removed.keys() & tree.keys():
        raise Refusal(f"This version no longer supports {name}.", code=kind.removed[name], param=name)
    kept = {name: None if value == "" and name in kind.unset else value for name, value in tree.items()}
    for path, leaf in _leaves(kept, []):
        _check_leaf(path, leaf)
    try:
        return msgspec.convert(kept, kind, strict=False)
    except msgspec.ValidationError as fault:
        raise _refusal(str(fault), kept) from None


def _leaves(value: Any, path: list[str]) -> Iterator[tuple[list[str], str]]:
    match value:
        case str():
            yield path, value
        case dict():
            for name, inner in value.items():
                yield from _leaves(inner, [*path, name])
        case list():
            for number, inner in enumerate(value):
                yield from _leaves(inner, [*path, str(number)])


def _check_leaf(path: list[str], leaf: str) -> None:
    if "metadata" in path[:-1]:
        _check_metadata(path, leaf)
    elif leaf == "":
        named = spelt(path)
        raise Refusal(
            f"You passed an empty string for '{named}'. We assume empty values are an attempt to unset a parameter; "
            f"however '{named}' cannot be unset. You should remove '{named}' from your request or supply a non-empty "
            "value.",
            code="parameter_invalid_empty",
            param=named,
        )
    elif path[-1] in _INTEGERS and not _INTEGER.fullmatch(leaf):
        raise Refusal(f"Invalid integer: {leaf}", code="parameter_invalid_integer", param=spelt(path))


def _check_metadata(path: list[str], leaf: str) -> None:
    if len(path[-1]) > LONGEST_KEY:
        raise Refusal(f"Metadata keys must be under {LONGEST_KEY} characters.", param=spelt(path[:-1]))
    if len(leaf) > LONGEST_VALUE:
        raise Refusal(f"Metadata values can have up to {LONGEST_VALUE} characters.", param=spelt(path[:-1]))


def _refusal(fault: str, tree: Tree) -> Refusal:
    """What msgspec found, in Stripe's words."""
    place = _PLACE.search(fault)
    path = [step for step in re.split(r"[.\[\]]+", place[1]) if step] if place else []
    field = _FIELD.search(fault)
    if field and "unknown" in fault:
        named = spelt([*path, field[1]])
        return Refusal(f"Received unknown parameter: {named}", code="parameter_unknown", param=named)
    if field:
        return missing_param(spelt([*path, field[1]]))
    return _wrong_type(fault, spelt(path), _at(tree, path))


def _wrong_type(fault: str, named: str, said: str) -> Refusal:
    if "`int`" in fault:
        what = _too_small(fault) or f"Invalid integer: {said}"
        return Refusal(what, code="parameter_invalid_integer", param=named)
    for kind, what in (("bool", f"Invalid boolean: {said}"), ("object", "Invalid object"), ("array", "Invalid array")):
        if f"`{kind}`" in fault:
            return Refusal(what, param=named)
    return Refusal(f"Invalid {named}: {said} is not one of its values or too long", param=named)


def _too_small(fault: str) -> str | None:
    found = re.search(r">= (\d+)", fault)
    return f"This value must be greater than or equal to {found[1]}." if found else None


def _at(tree: Any, path: list[str]) -> str:
    for step in path:
        if isinstance(tree, dict):
            tree = tree.get(step)
        elif isinstance(tree, list) and step.isdecimal():
            tree = tree[int(step)]
    return tree if isinstance(tree, str) else ""
