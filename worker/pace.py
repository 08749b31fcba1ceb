"""
How fast a lane takes jobs: those with long calls a few at a time.

A hundred calls that start in one turn of the loop end in one turn, and a neighbour's job waits for all of it,
again and again. Spread over a tenth of a call's length they stay spread, and nobody notices.
"""

LONG_SECONDS = 0.5  # shorter calls spread by themselves, and a small claim costs as much as a large one
A_FEW = 5
SPREAD = 0.1  # of a call's length, for all slots together
LONGEST_PAUSE = 0.25  # seconds: more would keep a stop waiting
WEIGHT = 0.1  # of the last call among those before


class Pace:
    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._call_seconds = 0.0

    def note(self, seconds: float) -> None:
        """A job took so long from its start."""
        self._call_seconds += WEIGHT * (seconds - self._call_seconds)

    def ask(self, free: int) -> int:
        """How many jobs to claim for so many free slots."""
        return min(free, A_FEW) if self._call_seconds > LONG_SECONDS else free

    def pause_after(self, claimed: int) -> float:
        """Seconds to wait before the next claim."""
        if self._call_seconds <= LONG_SECONDS:
            return 0.0
        return min(SPREAD * self._call_seconds * claimed / self._slots, LONGEST_PAUSE)
