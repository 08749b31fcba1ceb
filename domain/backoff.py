"""
Exponential backoff with full jitter and a cap.

Source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

import random
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Backoff:
    base_seconds: float = 0.5
    cap_seconds: float = 60.0

    def ceiling(self, tries: int) -> timedelta:
        """The longest wait after `tries` tries (1 or more): monotone in `tries`, never above the cap."""
        doublings = min(max(tries, 1) - 1, 62)  # 2**62 s is past any cap, and a float still holds it
        return timedelta(seconds=min(self.cap_seconds, self.base_seconds * 2.0**doublings))

    def wait(self, tries: int) -> timedelta:
        """A random wait, uniform between nothing and the ceiling."""
        return random.random() * self.ceiling(tries)  # noqa: S311 - jitter is no secret
