"""
How fast a lane takes jobs: those with long calls a few at a time.

A hundred calls that start in one turn of the loop end in one turn, and a neighbour's job waits for all of it,
again and again. Spread over a tenth of a call's length they stay spread, and nobody notices.
"""

SPREAD = 0.1  # of a call's length, for all slots together
SHORTEST, LONGEST = 0.002, 0.25  # seconds: less is not worth a timer, more would keep a stop waiting
WEIGHT = 0.1  # of the last call among those before


class Pace:
    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._call_seconds = 0.0

    def note(self, seconds: float) -> None:
        """A job took so long."""
        self._call_seconds += WEIGHT * (seconds - self._call_seconds)

    def pause_after(self, claimed: int) -> float:
        """Seconds to wait before the next claim."""
        pause = SPREAD * self._call_seconds * claimed / self._slots
        return 0.0 if pause < SHORTEST else min(pause, LONGEST)
