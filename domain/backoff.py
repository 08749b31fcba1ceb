"""
Exponential backoff with full jitter and a cap.

Source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


class Pauses(Protocol):
    """How long to wait between tries."""

    def ceiling(self, tries: int) -> timedelta:
        """The longest wait of its own after `tries` tries (1 or more)."""
        ...

    def wait(self, tries: int, asked: timedelta | None = None) -> timedelta:
        """The wait after `tries` tries; `asked` is the vendor's own word (`Retry-After`)."""
        ...


@dataclass(frozen=True, slots=True)
class Backoff:
    base_seconds: float = 0.5
    cap_seconds: float = 60.0

    def ceiling(self, tries: int) -> timedelta:
        """The longest wait after `tries` tries (1 or more): monotone in `tries`, never above the cap."""
        doublings = min(max(tries, 1) - 1, 62)  # 2**62 s is past any cap, and a float still holds it
        return timedelta(seconds=min(self.cap_seconds, self.base_seconds * 2.0**doublings))

    def wait(self, tries: int, asked: timedelta | None = None) -> timedelta:
        """A random wait, uniform between nothing and the ceiling; the vendor's own word wins."""
        if asked is not None:
            return asked
        return random.random() * self.ceiling(tries)  # noqa: S311 - jitter is no secret


@dataclass(frozen=True, slots=True)
class Schedule:
    """Given steps, each ± `jitter` of itself; what the other side asks for is taken from one to two times the step."""

    steps: tuple[timedelta, ...]  # the wait after the first try, the second, …; at least one
    jitter: float = 0.2

    def ceiling(self, tries: int) -> timedelta:
        return self._step(tries) * (1 + self.jitter)

    def wait(self, tries: int, asked: timedelta | None = None) -> timedelta:
        step = self._step(tries)
        if asked is not None:
            return min(max(asked, step), 2 * step)
        return step * (1 + self.jitter * (2 * random.random() - 1))  # noqa: S311 - jitter is no secret

    def _step(self, tries: int) -> timedelta:
        return self.steps[min(max(tries, 1), len(self.steps)) - 1]
