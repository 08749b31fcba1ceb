"""What `gateway up` says: lines, and on a terminal one line at the bottom that changes in place."""

import sys
from typing import TextIO

CLEAR_LINE = "\r\x1b[K"


class Terminal:
    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self.interactive = self._out.isatty()

    def say(self, text: str) -> None:
        self._write(f"{CLEAR_LINE if self.interactive else ''}{text}\n")

    def show_live(self, text: str) -> None:
        """On a terminal in place of the last one; elsewhere a line like any other."""
        self._write(f"{CLEAR_LINE}{text}" if self.interactive else f"{text}\n")

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
