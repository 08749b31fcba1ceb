"""
Card data in what a client wrote: none of it may be stored here, or the gateway would have to be run as a vault is.

A number is taken for a card's by its first digit, its length and its check digit (ISO/IEC 7812-1), a field by its name.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_NAMES = frozenset(
    [
        "cardnumber",
        "cardno",
        "ccnumber",
        "creditcardnumber",
        "debitcardnumber",
        "pan",
        "cvv",
        "cvv2",
        "cvc",
        "cvc2",
        "csc",
        "securitycode",
        "cardsecuritycode",
        "cardverificationvalue",
        "track1",
        "track2",
        "trackdata",
    ]
)
_BETWEEN = r"[\s_\-\u2010-\u2015]"  # what people, and what they paste from, put between its digits
_DOTTED = r"\d{4}\.\d{4}\.\d{4}\.\d{1,7}"  # with one point it is a fraction
_NUMBER = re.compile(rf"(?<![\d.])(?=[2-6\uff12-\uff16])(?:{_DOTTED}|\d(?:{_BETWEEN}?\d){{12,18}})(?!\d)")

Path = tuple[str, ...]


def find_card_data(value: Any, path: Path = ()) -> Path | None:
    """Where the first of it stands in a JSON value; None: there is none. No number is in what is answered."""
    if _is_a_card_number(value) or (path and _plain(path[-1]) in _NAMES) or any(map(has_card_number, _names(value))):
        return path
    found = (find_card_data(inner, (*path, name)) for name, inner in _members(value))
    return next((where for where in found if where is not None), None)


def has_card_number(text: str) -> bool:
    return any(_checks(re.sub(r"\D", "", match.group())) for match in _NUMBER.finditer(text))


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from ((str(place), inner) for place, inner in enumerate(value))


def _names(value: Any) -> Sequence[str]:
    return list(value) if isinstance(value, Mapping) else ()


def _is_a_card_number(value: Any) -> bool:
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    return isinstance(whole, str | int) and has_card_number(str(whole))


def _checks(digits: str) -> bool:
    """Luhn's sum."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()
