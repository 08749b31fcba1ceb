"""
What the SDK's classes of its pinned version say of an answer, held against the answer itself.

The annotations of the classes are Stripe's OpenAPI description: which fields there are, of which types, which words a
status may be. An answer is honest when it has no field that its class does not know, all of those that are not
optional, and nothing of another type.
"""

import sys
from collections.abc import Iterable, Iterator
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, ForwardRef, Literal, Union, get_args, get_origin

import stripe
from stripe import ListObject, StripeObject
from stripe import checkout as stripe_checkout

_RENAMED = {"CardResource": stripe.Card}


def faults(value: Any, kind: Any, place: str = "") -> list[str]:
    """What is wrong with `value` where an annotation `kind` is promised; [] if nothing."""
    kind = _resolved(kind)
    if kind is Any:
        return []
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        return [] if value in args else [f"{place}: {value!r} is none of the words for it"]
    if origin in {Union, UnionType}:
        return _faults_of_union(value, args, place)
    if origin is not None:
        return _faults_of_many(value, origin, args[0], place)
    if isinstance(kind, type) and issubclass(kind, StripeObject):
        return list(_faults_of_object(value, kind, place))
    wanted = str if kind is Decimal else kind
    return [] if type(value) is wanted else [f"{place}: {value!r} is no {wanted}"]


def _faults_of_union(value: Any, args: tuple[Any, ...], place: str) -> list[str]:
    """A word and `str` beside it is a word: Stripe leaves room for new ones, and a simulation must not invent any."""
    if value is None:
        return [] if NoneType in args else [f"{place}: null"]
    members = [member for member in args if member is not NoneType]
    if any(get_origin(member) is Literal for member in members):
        members = [member for member in members if member is not str]
    told = [faults(value, member, place) for member in members]
    return [] if [] in told else min(told, key=len)


def _faults_of_many(value: Any, outer: type, kind: Any, place: str) -> list[str]:
    """`List[X]`, `ListObject[X]`, or `UntypedStripeObject[X]`: any names, each an X."""
    if issubclass(outer, ListObject):
        return _faults_of_list(value, kind, place)
    return _faults_of_each(value, list if outer is list else dict, kind, place)


def _faults_of_each(value: Any, outer: type[list[Any] | dict[Any, Any]], kind: Any, place: str) -> list[str]:
    if not isinstance(value, outer):
        return [f"{place}: {value!r} is no {outer.__name__}"]
    rows: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else enumerate(value)
    return [fault for name, inner in rows for fault in faults(inner, kind, f"{place}/{name}")]


def _faults_of_list(value: Any, kind: Any, place: str) -> list[str]:
    if type(value) is not dict or set(value) != {"object", "data", "has_more", "url"} or value["object"] != "list":
        return [f"{place}: no list"]
    return _faults_of_each(value["data"], list, kind, f"{place}/data")


def _faults_of_object(value: Any, kind: type[StripeObject], place: str) -> Iterator[str]:
    if type(value) is not dict:
        yield f"{place}: {value!r} is no object"
        return
    fields = fields_of(kind)
    for name in value.keys() - fields.keys():
        yield f"{place}/{name}: {kind.__qualname__} does not know it"
    for name, field in fields.items():
        if name in value:
            yield from faults(value[name], field, f"{place}/{name}")
        elif not value.get("deleted") and NoneType not in get_args(field):
            yield f"{place}/{name}: missing"


def fields_of(kind: type[StripeObject]) -> dict[str, Any]:
    return {name: field for name, field in kind.__annotations__.items() if not _is_of_the_class(field)}


def _is_of_the_class(field: Any) -> bool:
    return "ClassVar" in str(field)


def _resolved(kind: Any) -> Any:
    """The SDK names other resources by strings, so that its modules need not import each other."""
    if isinstance(kind, ForwardRef):
        kind = kind.__forward_arg__
    if not isinstance(kind, str):
        return kind
    if kind in _RENAMED:
        return _RENAMED[kind]
    for place in (stripe, stripe_checkout, sys.modules["stripe"]):
        if (found := getattr(place, kind, None)) is not None:
            return found
    raise LookupError(kind)
