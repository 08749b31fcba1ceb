"""
The notation of a vendor's limit, that of the `limits` library: "50/second; 10000/hour".

Checked before anything relies on it, wherever it was written; the library itself then reads it (`domain.infra.limits`).
"""

import re

MOST_CALLS = 10_000_000  # Redis keeps the moment of each call of a window, and counts exactly up to 2 ** 53 only
LONGEST_SPAN_SECONDS = 366 * 86400

# One part of the notation (`limits.util.parse_many`), with amounts of at least 1.
_RATE = re.compile(
    r"\s*(?P<calls>0*[1-9][0-9]*)\s*(/|per)\s*(?P<count>0*[1-9][0-9]*)?"
    r"\s*(?P<unit>second|minute|hour|day|month|year)s?\s*",
    re.IGNORECASE,
)
_SPANS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "month": 30 * 86400, "year": 360 * 86400}


def read_smallest(limit: str) -> int:
    """The smallest amount among its windows. Raises `ValueError`, which says what is wrong and the remedy."""
    return min(_read_amount(part) for part in re.split("[,;|]", limit))


def _read_amount(part: str) -> int:
    rate = _RATE.fullmatch(part)
    if not rate:
        raise ValueError('is not a rate: write it like "50/second; 10000/hour"')
    if int(rate["calls"]) > MOST_CALLS:
        raise ValueError(f"holds more than {MOST_CALLS} calls in a window: write fewer, or a shorter window")
    if int(rate["count"] or 1) * _SPANS[rate["unit"].lower()] > LONGEST_SPAN_SECONDS:
        raise ValueError("has a window of more than a year: write a shorter one")
    return int(rate["calls"])
