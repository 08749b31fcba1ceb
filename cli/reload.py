"""`gateway up --reload`: notices that a file of the program or a vendors' table has changed."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

LOOK_SECONDS = 1.0
PACKAGES = ("api", "cli", "domain", "loadtest", "vendors", "webhooks", "worker")
SOURCES = ("*.py", "*.lua")
ROOT = Path(__file__).resolve().parent.parent


class Changes:
    """Compares the times of the files with those of the last look, once a second at most."""

    def __init__(self, tables: Sequence[Path], root: Path = ROOT) -> None:
        self._tables = [table.resolve() for table in tables]
        self._root = root
        self._times = self._look()
        self._next_at = time.monotonic() + LOOK_SECONDS

    def found(self) -> bool:
        if time.monotonic() < self._next_at:
            return False
        self._next_at = time.monotonic() + LOOK_SECONDS
        before, self._times = self._times, self._look()
        return before != self._times

    def _look(self) -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in self._files() if path.exists()}

    def _files(self) -> Iterable[Path]:
        for package in PACKAGES:
            for pattern in SOURCES:
                yield from (self._root / package).rglob(pattern)
        yield from self._tables
