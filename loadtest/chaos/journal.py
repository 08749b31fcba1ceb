"""
A journal: lines that are the operating system's as soon as `write` returns.

So a process that is killed loses none of them; what it was writing at that moment may be half a line, and is
no line. Only the machine's own end could lose more.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from loadtest.chaos.records import AnyRecord, Record

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(AnyRecord).decode


class Journal:
    """Appends to `path`. One write a line, so that lines of several processes would not mix either."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        if path.stat().st_size:
            os.write(self._file, b"\n")  # ends the half line of one that was killed

    def write(self, record: Record) -> None:
        os.write(self._file, _encode(record) + b"\n")

    def close(self) -> None:
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def read_journal(path: Path) -> Iterator[AnyRecord]:
    """The whole lines of `path` in their order; nothing where there is no such file."""
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            if line.strip():
                try:
                    yield _decode(line)
                except msgspec.DecodeError:
                    continue  # half a line: its writer was killed before anybody was told of it
