"""
Files in a folder: `<folder>/<the name's first two digits>/<name>`, for their owner only.

Several hosts need one that all of them see. A file is written beside its place and moved there when all of it is on the
disk, so that no reader ever sees half of one, and no crash leaves half of one under its name.
"""

import asyncio
import os
import re
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, TypeVar

import structlog

from domain.commerce.ports import StoredFile
from domain.errors import Unavailable

PIECE = 256 * 1024  # bytes: each costs a turn of a thread
OWNER_ONLY_FOLDER, OWNER_ONLY_FILE = 0o700, 0o600
DRAFT = ".draft"
DRAFTS_KEPT = timedelta(days=1)  # of writers that died; a living one has long moved its own

_NAME = re.compile(r"[0-9a-f]{64}\.[a-z]{1,10}")

_T = TypeVar("_T")

log = structlog.get_logger()


class FolderFiles:
    """A `FileStore`. The folder is made with the first file. What waits for the disk waits in a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, name: str, content: bytes) -> None:
        path = self._path(name)
        await _in_thread(lambda: _write(path, content))

    async def find(self, name: str) -> StoredFile | None:
        path = self._path(name)
        size = await _in_thread(lambda: _size(path))
        return None if size is None else StoredFile(size, _pieces(path))

    async def remove(self, name: str) -> None:
        path = self._path(name)
        await _in_thread(lambda: path.unlink(missing_ok=True))

    async def remove_older(self, ending: str, than: datetime) -> int:
        await _in_thread(lambda: self._remove_all(DRAFT, than - DRAFTS_KEPT))
        return await _in_thread(lambda: self._remove_all(ending, than))

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError("this is no name of a stored file")
        return self._folder / name[:2] / name

    def _remove_all(self, ending: str, than: datetime) -> int:
        removed = 0
        for path in self._all_of(ending):
            with suppress(FileNotFoundError):  # another process was first
                if path.stat().st_mtime < than.timestamp():
                    path.unlink()
                    removed += 1
        return removed

    def _all_of(self, ending: str) -> Iterator[Path]:
        return self._folder.glob(f"??/*{ending}")


def _write(path: Path, content: bytes) -> None:
    made = not path.parent.exists()
    path.parent.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
    draft = path.with_name(f"{uuid.uuid4().hex}{DRAFT}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY_FILE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    if made:
        _sync_folder(path.parent.parent)


def _sync_folder(folder: Path) -> None:
    """Its list of names is on the disk only after this."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    file: BinaryIO = await _in_thread(lambda: path.open("rb"))
    try:
        while piece := await _in_thread(lambda: file.read(PIECE)):
            yield piece
    finally:
        file.close()


async def _in_thread(work: Callable[[], _T]) -> _T:
    try:
        return await asyncio.to_thread(work)
    except OSError as fault:
        log.warning("the file store fails", fault=type(fault).__name__, errno=fault.errno)
        raise Unavailable("the files cannot be reached just now; try again") from fault
