"""SIGINT and SIGTERM as a wish: it is asked for between the steps, and cuts none of them in half."""

import signal
import time
from types import FrameType

AGAIN_SECONDS = 1.0  # make and a process group deliver the same signal twice


class StopWish:
    """Stands in for the handlers of both signals from `listen` on."""

    def __init__(self) -> None:
        self._first_at: float | None = None
        self.in_a_hurry = False

    def listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    @property
    def made(self) -> bool:
        return self._first_at is not None

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._first_at is None:
            self._first_at = now
        elif now - self._first_at > AGAIN_SECONDS:
            self.in_a_hurry = True  # somebody asks a second time: no more waiting
