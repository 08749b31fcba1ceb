"""
The limit on failures, in the memory of one process: no store is asked about what strangers send.

Each HTTP process counts for itself. What is counted is bounded: a flood from ever new addresses
pushes the oldest counts out, and what it gains by that is a 401 in place of a 429.
"""

import time
from collections.abc import Callable
from datetime import timedelta

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

TOLERATED = RateLimitItemPerMinute(20)
MOST_COUNTED = 10_000  # windows at once; about 3 MB

Clock = Callable[[], float]


class WindowedFailureLimit:
    """A `FailureLimit`. A window begins with its first failure, and what comes too often in it does not prolong it."""

    def __init__(
        self, item: RateLimitItem = TOLERATED, *, clock: Clock = time.monotonic, most: int = MOST_COUNTED
    ) -> None:
        self._item = item
        self._clock = clock
        self._limiter = FixedWindowRateLimiter(BoundedCounts(clock, most))

    def failed(self, who: str, vendor: str) -> timedelta | None:
        if self._limiter.hit(self._item, vendor, who):
            return None
        ends_at = self._limiter.get_window_stats(self._item, vendor, who).reset_time
        return timedelta(seconds=max(0.0, ends_at - self._clock()))


class BoundedCounts(Storage):
    """
    Counts for `limits`, in memory and at most so many.

    Its own `MemoryStorage` has no bound, and starts a thread every 10 ms under load to look at every key. Here all
    windows are of one length, so that the oldest key is the first to go.
    """

    STORAGE_SCHEME = None  # not to be had by a URL

    def __init__(self, clock: Clock, most: int) -> None:
        super().__init__()
        self._clock = clock
        self._most = most
        self._windows: dict[str, tuple[int, float]] = {}  # the count, and when it ends; the oldest first

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        count, ends_at = self._windows.get(key, (0, 0.0))
        now = self._clock()
        if ends_at <= now:
            self._windows.pop(key, None)
            self._make_room(now)
            count, ends_at = 0, now + expiry
        self._windows[key] = (count + amount, ends_at)
        return count + amount

    def get(self, key: str) -> int:
        count, ends_at = self._windows.get(key, (0, 0.0))
        return count if ends_at > self._clock() else 0

    def get_expiry(self, key: str) -> float:
        return self._windows.get(key, (0, self._clock()))[1]

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        counted = len(self._windows)
        self._windows.clear()
        return counted

    def clear(self, key: str) -> None:
        self._windows.pop(key, None)

    def _make_room(self, now: float) -> None:
        """Forget windows that have ended, and the oldest of too many."""
        while self._windows:
            oldest = next(iter(self._windows))
            if self._windows[oldest][1] > now and len(self._windows) < self._most:
                return
            del self._windows[oldest]
