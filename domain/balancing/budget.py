"""
How many calls may be made again at once: retries must not bury a service that is already short of breath.

Source: Envoy's retry budgets (`budget_percent`, `min_retry_concurrency`).
"""

from collections.abc import Iterator
from contextlib import contextmanager

PERCENT = 20
AT_LEAST = 3


class RetryBudget:
    """Of one service in one process: retries under way are at most `PERCENT` of its calls that live, or `AT_LEAST`."""

    def __init__(self) -> None:
        self._live = 0
        self._retries = 0

    @property
    def most(self) -> int:
        return max(AT_LEAST, self._live * PERCENT // 100)

    @contextmanager
    def call(self) -> Iterator[None]:
        """Around a whole call, its retries included: it lives until its answer has been passed on."""
        self._live += 1
        try:
            yield
        finally:
            self._live -= 1

    @contextmanager
    def retry(self) -> Iterator[bool]:
        """Whether a retry may be made now: then it is under way until the block ends."""
        granted = self._retries < self.most
        self._retries += granted
        try:
            yield granted
        finally:
            self._retries -= granted
