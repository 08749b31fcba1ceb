"""
Slow work in a few threads of its own, with a short line before them.

The loop stays free, no more runs at once than there is memory for, and who would have to wait long is told so instead.
Where every core is busy the threads stand back: whoever waits for them waits anyway, and all others should not.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from math import ceil
from typing import TypeVar

from domain.errors import Unavailable

NICENESS = 10  # above the process' own: a tenth of the loop's share of a core, when both want it
_NICEST = 19
_MEMORY = 0.8  # how much of the mean each new measurement leaves as it was

_T = TypeVar("_T")


class BoundedThreads:
    """Made by `open_threads`. Work that has begun runs to its end and keeps its thread, even if its caller is gone."""

    def __init__(
        self, executor: ThreadPoolExecutor, threads: int, most_waiting: int, clock: Callable[[], float]
    ) -> None:
        self._executor = executor
        self._threads = threads
        self._most_waiting = most_waiting
        self._clock = clock
        self._free = asyncio.Semaphore(threads)
        self._waiting = 0
        self._seconds_each = 0.0  # smoothed

    async def run(self, work: Callable[[], _T]) -> _T:
        """What `work` returns or raises. Raises `Unavailable` when too many wait already."""
        await self._wait_in_line()
        loop = asyncio.get_running_loop()

        def ended(_: Future[_T]) -> None:  # in its thread: `Semaphore` is the loop's
            loop.call_soon_threadsafe(self._free.release)

        running = self._executor.submit(self._measure, work)
        running.add_done_callback(ended)
        return await asyncio.wrap_future(running)

    async def _wait_in_line(self) -> None:
        if self._free.locked() and self._waiting >= self._most_waiting:
            raise Unavailable("too many wait for this already; come back later", retry_after=self._time_of_line())
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1

    def _time_of_line(self) -> timedelta:
        """When all who wait now will have had their turn, by what a turn took of late."""
        return timedelta(seconds=max(1, ceil(self._waiting * self._seconds_each / self._threads)))

    def _measure(self, work: Callable[[], _T]) -> _T:
        began = self._clock()
        try:
            return work()
        finally:
            took = self._clock() - began
            # Two threads may overwrite each other's here: a mean of many loses nothing by it.
            self._seconds_each = _MEMORY * self._seconds_each + (1 - _MEMORY) * took if self._seconds_each else took


@asynccontextmanager
async def open_threads(
    name: str, threads: int, *, most_waiting: int, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[BoundedThreads]:
    executor = ThreadPoolExecutor(threads, thread_name_prefix=name, initializer=_stand_back)
    try:
        yield BoundedThreads(executor, threads, most_waiting, clock)
    finally:
        await asyncio.to_thread(executor.shutdown)  # waits for what runs


def _stand_back() -> None:
    """On Linux each thread has a niceness of its own; elsewhere this would be about the whole process."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, 0, min(_NICEST, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS))
