"""
Passive ejection: an instance whose calls fail one after the other is left alone for a while.

The while doubles as long as nothing but failures follows. Source: Envoy's outlier detection, for the idea.
"""

from domain.breakers import CallOutcome

FAILURES_IN_A_ROW = 5
FIRST_SECONDS = 10.0
LONGEST_SECONDS = 300.0


class Ejection:
    """One instance's. Whoever asks says what time it is, on a clock that only goes forward."""

    __slots__ = ("_in_a_row", "_longest_seconds", "_times", "until")

    def __init__(self, longest_seconds: float = LONGEST_SECONDS) -> None:
        self._longest_seconds = longest_seconds
        self._in_a_row = 0
        self._times = 0
        self.until = 0.0

    def is_out(self, now: float) -> bool:
        return now < self.until

    def note(self, outcome: CallOutcome) -> None:
        """A success ends it, whenever its call was begun: it may be one of those made because all are out."""
        match outcome:
            case CallOutcome.OK:
                self.end()
            case CallOutcome.FAILED:
                self._in_a_row += 1
            case CallOutcome.IGNORED:
                pass

    def is_due(self, now: float) -> bool:
        """Once back, one failure is enough; those of calls that were begun before it was out add nothing."""
        return self._in_a_row >= FAILURES_IN_A_ROW and not self.is_out(now)

    def begin(self, now: float) -> None:
        doublings = min(self._times, 10)
        self.until = now + min(FIRST_SECONDS * 2.0**doublings, self._longest_seconds)
        self._times += 1

    def cut_short(self) -> None:
        """Back at once, but not forgiven."""
        self.until = 0.0

    def end(self) -> None:
        self._in_a_row = self._times = 0
        self.until = 0.0
