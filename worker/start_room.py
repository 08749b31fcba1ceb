"""
How many calls of limited vendors may be on their way to their start at once in this worker, over all its lanes.

A start is good for 10 ms. A worker whose event loop is later than that misses the start of every call that it has
claimed, takes another, and misses that too: the more it has claimed, the later it is. So it claims no more than it
keeps up with: a place more at each measure that finds all taken and the loop in time, a third less where it was late.

Source of the rule: Chiu and Jain, "Analysis of the increase and decrease algorithms for congestion avoidance", 1989.
"""

import asyncio
from collections.abc import Callable, Sequence

from domain.infra.loop_lag import loop_lag
from domain.infra.queue import Lease

MEASURE_SECONDS = 0.02
LATE_SECONDS = 0.008  # of the 10 ms for which a start is good
FEWEST, FIRST, MOST = 8, 32, 1000  # the fewest also where others than these calls keep the loop busy
WORTH_A_CLAIM = 4  # places for whom somebody in line is woken: a claim of one costs as much

Wake = Callable[[], None]


class StartRoom:
    """A place is reserved for a claim, filled by a lease that it got, and free again once that one has its start."""

    def __init__(self) -> None:
        self._places = float(FIRST)
        self._taken = 0
        self._inside: set[Lease] = set()
        self.line: dict[Wake, None] = {}  # who wants places, in the order in which they came
        self._was_full = False
        self._busy = asyncio.Event()

    @property
    def free(self) -> int:
        return max(0, int(self._places) - self._taken)

    def reserve(self, wanted: int, wake: Wake) -> int:
        """As many places as there are; at 0 there are none, or others stand in line: then `wake` is called in turn."""
        if self.free < (WORTH_A_CLAIM if self.line else 1):
            self._was_full = True
            self.line[wake] = None
            return 0
        self.line.pop(wake, None)
        reserved = min(wanted, self.free)
        self._taken += reserved
        self._busy.set()
        return reserved

    def fill(self, reserved: int, leases: Sequence[Lease]) -> None:
        self._inside.update(leases)
        self._give_back(reserved - len(leases))

    def leave(self, lease: Lease) -> None:
        """It has its start, or will never have one: safe to repeat."""
        if lease in self._inside:
            self._inside.discard(lease)
            self._give_back(1)

    def note(self, late_seconds: float) -> None:
        """The event loop was so late just now."""
        if late_seconds > LATE_SECONDS:
            self._places = max(FEWEST, self._places * 2 / 3)
        elif self._was_full:
            self._places = min(MOST, self._places + 1)
        self._was_full = False
        self._wake_line()

    async def measure(self) -> None:
        """For ever, while any place is taken."""
        while True:
            await self._busy.wait()
            self.note(await loop_lag(MEASURE_SECONDS))
            if not self._taken:
                self._busy.clear()

    def _give_back(self, places: int) -> None:
        self._taken -= places
        self._wake_line()

    def _wake_line(self) -> None:
        for wake in [*self.line][: self.free // WORTH_A_CLAIM]:
            del self.line[wake]
            wake()
