"""What admins send of a vendor, read strictly: a merge patch (RFC 7396) of what its table may say of its calls."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import UNSET

from api.fields import Fields
from domain.commerce.payments import VENDOR as PAYMENTS
from domain.limit_notation import MOST_CALLS, read_smallest
from domain.vendor_control import LEAST_TIMEOUT_SECONDS, LONGEST_TIMEOUT_SECONDS, MOST_ATTEMPTS
from domain.vendors import VendorPolicy

LONGEST_LIMIT = 200  # characters

_LIMIT = f'must be a string of at most {LONGEST_LIMIT} characters, such as "50/second; 10000/hour", or null'
_TIMEOUT = f"must be a number from {LEAST_TIMEOUT_SECONDS:g} to {LONGEST_TIMEOUT_SECONDS:g}, or null"
_PAYMENTS_END = "is not for anybody to change: payments end by their processor's word, and by no number of attempts"


def read_patch(fields: Fields, vendor: str, table: VendorPolicy) -> Mapping[str, Any]:
    """What is to change, None standing for the table's own value. Raises `Invalid` with every fault."""
    values = {
        "limit": _read(fields, "limit", lambda: _read_limit(fields, table.cost)),
        "concurrency": _read(fields, "concurrency", lambda: _read_whole(fields, "concurrency", MOST_CALLS)),
        "timeout_seconds": _read(fields, "timeout_seconds", lambda: _read_timeout(fields)),
        "attempts": _read(fields, "attempts", lambda: _read_attempts(fields, vendor)),
    }
    fields.end()
    return {name: value for name, value in values.items() if value is not UNSET}


def _read(fields: Fields, name: str, read: Callable[[], Any]) -> Any:
    return None if fields.take_null(name) else read()


def _read_limit(fields: Fields, cost: int) -> Any:
    text = fields.take("limit", str, _LIMIT)
    if text is UNSET:
        return UNSET
    if len(text) > LONGEST_LIMIT:
        return fields.blame("limit", _LIMIT)
    try:
        smallest = read_smallest(text)
    except ValueError as fault:
        return fields.blame("limit", str(fault))
    if cost > smallest:
        return fields.blame("limit", f"would let no call start, each of which costs {cost}: write {cost} or more")
    return text


def _read_attempts(fields: Fields, vendor: str) -> Any:
    if vendor == PAYMENTS:
        return fields.refuse("attempts", _PAYMENTS_END)
    return _read_whole(fields, "attempts", MOST_ATTEMPTS)


def _read_whole(fields: Fields, name: str, most: int) -> Any:
    return fields.take_whole(name, 1, most, f"must be a whole number from 1 to {most}, or null")


def _read_timeout(fields: Fields) -> Any:
    seconds = fields.take("timeout_seconds", float, _TIMEOUT)
    if seconds is UNSET or LEAST_TIMEOUT_SECONDS <= seconds <= LONGEST_TIMEOUT_SECONDS:
        return seconds
    return fields.blame("timeout_seconds", _TIMEOUT)
