"""
How often somebody may ask, and what a limit says of one request.

A rate is written in the notation of the `limits` library ("100/15 minutes; 1000/day"). What is accepted here is less
than that library reads: every unit that was taken is remembered, so that a rate has a largest amount.
"""

import re
from dataclasses import dataclass
from typing import Protocol

from domain.callers import Caller

MOST_AT_ONCE = 100_000  # units of one window, each 10 bytes of Redis
MOST_WINDOWS = 4
REMEDY = f'write it like "100/minute" or "10/second; 5000/15 minutes", with amounts of 1 to {MOST_AT_ONCE}'

_WINDOW = re.compile(
    r"\s*(?P<amount>[0-9]{1,9})\s*(?:/|per)\s*(?:[1-9][0-9]{0,3})?\s*(?:second|minute|hour|day|month|year)s?\s*",
    re.IGNORECASE | re.ASCII,
)


def check_rate(rate: str) -> str:
    """The same rate. Raises `ValueError`, with the remedy, for one that nobody can be held to."""
    windows = [_WINDOW.fullmatch(part) for part in re.split("[,;|]", rate[:200])]
    amounts = [int(window["amount"]) for window in windows if window is not None]
    if len(amounts) < len(windows) or len(windows) > MOST_WINDOWS or len(rate) > 200:
        raise ValueError(f"it is not a rate; {REMEDY}")
    if not all(1 <= amount <= MOST_AT_ONCE for amount in amounts):
        raise ValueError(f"an amount is too small or too large; {REMEDY}")
    return rate


def is_rate(text: str) -> bool:
    """Whether somebody can be held to it."""
    try:
        check_rate(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Standing:
    """A moving window as it stands after a request: `left` of `amount` in any `seconds`, and no more for a while."""

    amount: int
    seconds: int
    left: int
    more_in_seconds: float  # when the oldest request that counts leaves the window


@dataclass(frozen=True, slots=True)
class Verdict:
    """`wait_seconds` is 0 for a request that may pass, and is counted; one that has to wait is not."""

    wait_seconds: float
    standings: tuple[Standing, ...]


class CallerLimit(Protocol):
    async def take(self, caller: Caller) -> Verdict | None:
        """Take one request of this caller's; None: as many as they like. Never raises."""
        ...


class AddressLimit(Protocol):
    async def take(self, address: str) -> Verdict:
        """Take one request from this address, or its neighbourhood. Never raises."""
        ...
