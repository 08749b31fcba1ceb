"""
Notes that are written behind the answer's back: in lots, in their order, and with a bound on what may wait.

While the store is away they wait. Beyond the bound the oldest are dropped, and counted: who writes the log down must
not take the memory of who answers requests.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from types import TracebackType
from typing import Generic, Self, TypeVar

import structlog

from domain.errors import Unavailable
from domain.infra.background import end, pauses

Note = TypeVar("Note")

log = structlog.get_logger()


class NoteQueue(Generic[Note]):
    """`write` is tried again while it raises `Unavailable`, so it must be safe to repeat."""

    def __init__(
        self,
        write: Callable[[Sequence[Note]], Awaitable[None]],
        *,
        room: int = 10_000,
        largest: int = 500,
        patience_seconds: float = 5.0,
        pauses: Callable[[], Iterator[float]] = pauses,
    ) -> None:
        self._write = write
        self._waiting: deque[Note] = deque()
        self._lot: Sequence[Note] = ()  # is being written
        self._room = room
        self._largest = largest
        self._patience_seconds = patience_seconds
        self._pauses = pauses
        self._dropped = 0
        self._arrival = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what waits, then stop; a store that stays away holds nobody up beyond the patience."""
        try:
            async with asyncio.timeout(self._patience_seconds):
                await self._idle.wait()
        except TimeoutError:
            log.warning("stopped with notes unwritten; the store was away", left=len(self._lot) + len(self._waiting))
        if self._task:
            await end(self._task)

    def add(self, note: Note) -> None:
        if len(self._waiting) >= self._room:
            self._waiting.popleft()
            self._dropped += 1
        self._waiting.append(note)
        self._idle.clear()
        self._arrival.set()

    async def _run(self) -> None:
        while True:
            await self._arrival.wait()
            self._lot = [self._waiting.popleft() for _ in range(min(self._largest, len(self._waiting)))]
            await self._write_down(self._lot)
            self._lot = ()
            self._tell_of_dropped()
            if not self._waiting:
                self._arrival.clear()
                self._idle.set()

    async def _write_down(self, lot: Sequence[Note]) -> None:
        for pause in self._pauses():
            try:
                await self._write(lot)
            except Unavailable:
                await asyncio.sleep(pause)
            except Exception as fault:  # noqa: BLE001 - one bad lot must not end the writing of all that follow
                log.error("notes cannot be written", left=len(lot), fault=type(fault).__name__)  # noqa: TRY400 - it may quote
                return
            else:
                return

    def _tell_of_dropped(self) -> None:
        if self._dropped:
            log.warning("notes were dropped: the store was away for too long", dropped=self._dropped)
            self._dropped = 0
