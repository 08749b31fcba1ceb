"""
What each process counts, kept where the others find it: one file a process in `GATEWAY_HOME/metrics`.

A file is written anew each second, and one that is older than a minute is a dead process's. prometheus_client's own
multiprocess mode is not used: see `docs/adr/0018-figures-are-plain-numbers-in-a-file-a-process.md`.
"""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import structlog

from cli.home import write_whole
from domain.bugs import KEPT, Bug, BugRecord, MetBugs
from domain.errors import ConfigurationError, Unavailable
from domain.infra.background import in_background
from domain.infra.loop_lag import loop_lag
from domain.metrics import LOOP_LAG_SECONDS, PROGRAMMING_ERRORS, STARTED_SECONDS
from domain.tallies import Single, Snapshot, Tallies

LOOK_SECONDS = 0.25  # between two looks at the event loop's lag
LOOKS = 4  # between two writes
DEAD_SECONDS = 60.0
UNSAFE = re.compile(r"[^A-Za-z0-9._-]")

Reading = Callable[[], Iterable[Single]]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one process, whose name stands at each of them: no two of one home share it."""

    process: str
    counts: Tallies = field(default_factory=Tallies)
    met: MetBugs = field(default_factory=MetBugs)
    readings: list[Reading] = field(default_factory=list)  # of what is looked at when the figures are, and not counted
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    def of(cls, kind: str, name: str | None) -> "Figures":
        figures = cls(UNSAFE.sub("_", name or f"{kind}-{os.getpid()}"))
        figures.counts.set(STARTED_SECONDS, time.time())
        return figures

    def note_bug(self, bug: Bug) -> None:
        self.met.note(replace(bug, process=self.process))

    def snapshot(self) -> Snapshot:
        counted = self.counts.snapshot()
        return Snapshot((*counted.singles, *(single for read in self.readings for single in read())), counted.spreads)

    def go_on(self, folder: Path) -> None:
        """Count on from where a predecessor of this name was killed a moment ago: no sum over processes falls by it."""
        earlier = read_figures(folder).get(self.process)
        if earlier is not None:
            self.counts.take_up(earlier)

    def write(self, folder: Path) -> None:
        _write(folder, self.process, self.snapshot())

    async def save(self, folder: Path) -> Snapshot:
        """The same, in another thread; answers what was written. Of two at once the later one is written last."""
        async with self._turn:
            snapshot = self.snapshot()
            await asyncio.to_thread(_write, folder, self.process, snapshot)
            return snapshot


@asynccontextmanager
async def shown(figures: Figures, folder: Path, record: BugRecord) -> AsyncIterator[None]:
    """Write the figures each second, and put bugs on record, during the block and once more at its end."""
    figures.go_on(folder)
    _remove_drafts(folder)
    telling = _Telling(figures, record)
    try:
        async with in_background(_keep_writing(figures, folder)), in_background(telling.keep_on()):
            yield
    except ConfigurationError:
        raise
    except Exception as fault:
        log.critical("the process broke", exc_info=_inmost(fault))
        raise
    finally:
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(1):
                await telling.once()
        with suppress(OSError):
            figures.write(folder)


def read_figures(folder: Path) -> Mapping[str, Snapshot]:
    """Of each process that wrote lately. A file of another version, or none, is left out."""
    found = {}
    for file in sorted(folder.glob("*.json")):
        with suppress(OSError, msgspec.MsgspecError):
            if time.time() - file.stat().st_mtime < DEAD_SECONDS:
                found[file.stem] = msgspec.json.decode(file.read_bytes(), type=Snapshot)
            else:
                file.unlink(missing_ok=True)
    return found


def forget_figures(folder: Path) -> None:
    """For whoever starts all processes anew: what earlier ones counted is over."""
    for file in folder.glob("*.json"):
        file.unlink(missing_ok=True)


async def _keep_writing(figures: Figures, folder: Path) -> None:
    told = False
    while True:
        for _ in range(LOOKS):
            figures.counts.observe(LOOP_LAG_SECONDS, await loop_lag(LOOK_SECONDS))
        try:
            await figures.save(folder)
        except OSError as fault:  # a full disk: the work goes on without figures
            if not told:
                log.warning("figures cannot be written; /metrics lacks this process", fault=str(fault))
            told = True


@dataclass(slots=True)
class _Telling:
    figures: Figures
    record: BugRecord
    owed: list[Bug] = field(default_factory=list)  # told of when the store is back

    async def keep_on(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS * LOOKS)
            with suppress(Unavailable):
                await self.once()

    async def once(self) -> None:
        met = self.figures.met.take()
        for bug in met:
            self.figures.counts.add(PROGRAMMING_ERRORS, bug.type, by=bug.times)
        self.owed = [*self.owed, *met][-KEPT:]
        await self.record.keep(self.owed)
        self.owed = []


def _inmost(fault: BaseException) -> BaseException:
    """Of what went wrong in a group of tasks the first: a group has no place in our code."""
    return _inmost(fault.exceptions[0]) if isinstance(fault, BaseExceptionGroup) else fault


def _remove_drafts(folder: Path) -> None:
    """What processes left that were killed while they wrote."""
    for draft in folder.glob(".*.json.*"):
        with suppress(OSError):
            if time.time() - draft.stat().st_mtime > DEAD_SECONDS:
                draft.unlink()


def _write(folder: Path, process: str, snapshot: Snapshot) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / f"{process}.json", msgspec.json.encode(snapshot).decode())
