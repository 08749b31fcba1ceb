"""
A vendor's limits as the scripts take them: sliding windows, the cost of a call, calls at once.

`VendorPolicy.limit` is in the notation of the `limits` library ("50/second; 10000/hour"), read by that library.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

from limits import RateLimitItem, parse_many

from domain.errors import ConfigurationError
from domain.vendors import VendorPolicy

LOOK_AHEAD_MICROS = 100_000  # how far ahead a start may be reserved
WIDEST_SPACING_MICROS = 250  # between two starts of a burst: not all in one turn of a loop, yet written down together


@dataclass(frozen=True, slots=True)
class Window:
    """At most `amount` units in any `micros` microseconds."""

    amount: int
    micros: int
    text: str  # for people

    @classmethod
    def of(cls, item: RateLimitItem) -> Self:
        return cls(item.amount, item.get_expiry() * 1_000_000, str(item))


@dataclass(frozen=True)
class CallLimits:
    """
    What one vendor's calls must keep to over the whole fleet. `concurrency` 0 is any number at once.

    `version` is of the operators' word that they were made by: see `domain.vendor_control`.
    """

    windows: tuple[Window, ...] = ()
    cost: int = 1
    guard_micros: int = 0
    concurrency: int = 0
    version: int = 0

    @classmethod
    def of(cls, vendor: str, policy: VendorPolicy, version: int = 0) -> Self:
        """Raises `ConfigurationError`, naming the vendor, for a limit that no call could ever keep to."""
        return cls(
            _windows(vendor, policy),
            policy.cost,
            round(policy.burst_guard.total_seconds() * 1_000_000),
            policy.concurrency or 0,
            version,
        )

    @property
    def kept(self) -> int:
        """How many of the newest permits the answers depend on."""
        return max((window.amount for window in self.windows), default=0)

    @property
    def longest_micros(self) -> int:
        return max((window.micros for window in self.windows), default=0)

    @property
    def spacing_micros(self) -> int:
        """Between two starts; at most half of what the fastest window takes per call, so that it slows no flow down."""
        paces = [window.micros * self.cost // (2 * window.amount) for window in self.windows]
        return min([WIDEST_SPACING_MICROS, *paces])

    @cached_property
    def args(self) -> tuple[int, ...]:
        """As `permits.lua` reads them."""
        flat = [number for window in self.windows for number in (window.amount, window.micros)]
        each = (self.cost, self.guard_micros, self.spacing_micros, LOOK_AHEAD_MICROS, self.concurrency, self.version)
        return (*each, self.kept, self.longest_micros, len(self.windows), *flat)


UNLIMITED = CallLimits()


def read_windows(limit: str) -> tuple[Window, ...]:
    """Raises `ValueError` for what is not in the notation, or lets nothing through."""
    windows = tuple(Window.of(item) for item in parse_many(limit))
    if any(window.amount < 1 for window in windows):
        raise ValueError("a limit of 0")
    return windows


def _windows(vendor: str, policy: VendorPolicy) -> tuple[Window, ...]:
    if policy.limit is None:
        return ()
    try:
        windows = read_windows(policy.limit)
    except ValueError:
        raise ConfigurationError(
            f'vendor {vendor}: limit is not a rate; write it like "50/second; 10000/hour"'
        ) from None
    smallest = min(windows, key=lambda window: window.amount)
    if policy.cost > smallest.amount:
        raise ConfigurationError(
            f"vendor {vendor}: one call costs {policy.cost}, and its limit of {smallest.text} "
            f"would never let it start; lower the cost to {smallest.amount} or less, or raise the limit"
        )
    return windows
