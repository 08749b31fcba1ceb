"""The account's clock: the machine's, which a test may put forward."""

import time


class Clock:
    def __init__(self) -> None:
        self._ahead = 0

    def now(self) -> int:
        """Unix time in seconds."""
        return int(time.time()) + self._ahead

    def put_forward(self, seconds: int) -> None:
        self._ahead += seconds
