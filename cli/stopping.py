"""
Signals as wishes: they are asked for between the steps, and cut none of them in half.

SIGINT and SIGTERM wish to stop. SIGHUP has two old meanings: the terminal is gone, where there was one, and
"read your files again", where there was none.
"""

import signal
import sys
import time
from types import FrameType

AGAIN_SECONDS = 1.0  # make and a process group deliver the same signal twice


class StopWish:
    """Stands in for the signals' handlers from `listen` on."""

    def __init__(self) -> None:
        self._first_at: float | None = None
        self._reread = False
        self.in_a_hurry = False

    def listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)
        signal.signal(signal.SIGHUP, self._note if sys.stdout.isatty() else self._note_reread)

    @property
    def made(self) -> bool:
        return self._first_at is not None

    def take_reread(self) -> bool:
        """Whether somebody asked since the last time to have the files read again."""
        asked, self._reread = self._reread, False
        return asked

    def _note_reread(self, _number: int, _frame: FrameType | None) -> None:
        self._reread = True

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._first_at is None:
            self._first_at = now
        elif now - self._first_at > AGAIN_SECONDS:
            self.in_a_hurry = True  # somebody asks a second time: no more waiting
