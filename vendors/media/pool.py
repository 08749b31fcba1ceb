"""
A few child processes, made when they are first needed, each with one piece of work at a time.

Each child is an executor of its own. One for all would be broken as a whole by one death, and the images beside a bad
one would pay for it with a try. A child that does not answer in time, dies, or whose work nobody waits for any more is
killed; the next piece of work has a new one.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager, suppress
from functools import partial
from multiprocessing import get_context
from typing import TypeVar

import structlog

from vendors.media.child import settle_down
from vendors.media.settings import MediaSettings

START_SECONDS = 30.0  # of a child: half a second of work, on a machine that has other things to do

_T = TypeVar("_T")

log = structlog.get_logger()


class ChildLost(Exception):
    """The child died of it, or was killed since it took too long: nothing came of it."""


class Busy(Exception):
    """No child was free in time, or none could be started: nothing was begun. Its text says which."""


class Children:
    """Made by `open_children`, and used by one task of the loop or many."""

    def __init__(self, settings: MediaSettings) -> None:
        self._settings = settings
        self._free = asyncio.Semaphore(settings.processes)
        self._idle: list[_Child] = []

    async def run(self, work: Callable[..., _T], *given: object) -> _T:
        """What `work` returns, in a child. Raises `Busy`, `ChildLost`, and what `work` raises."""
        try:
            async with asyncio.timeout(self._settings.patience_seconds):
                await self._free.acquire()
        except TimeoutError:
            raise Busy("all processes are busy with other images") from None
        try:
            return await self._run(work, given)
        finally:
            self._free.release()

    async def close(self) -> None:
        """Idle children end by themselves; of work there is none any more, since nobody waits for it."""
        idle, self._idle = self._idle, []
        for child in idle:
            await asyncio.to_thread(child.end)

    async def _run(self, work: Callable[..., _T], given: tuple[object, ...]) -> _T:
        child = self._idle.pop() if self._idle else await _start(self._settings.memory_bytes)
        sound = False
        try:
            answer = await child.run(work, given, self._settings.seconds)
            sound = True
            return answer
        finally:
            self._lay_aside(child, sound=sound)

    def _lay_aside(self, child: "_Child", *, sound: bool) -> None:
        if not sound:
            child.kill()
        elif child.done < self._settings.images_of_one:
            self._idle.append(child)
        else:
            child.let_go()


@asynccontextmanager
async def open_children(settings: MediaSettings) -> AsyncIterator[Children]:
    """None is started here."""
    children = Children(settings)
    try:
        yield children
    finally:
        await children.close()


class _Child:
    """One process, whose `pid` stays: `max_tasks_per_child` would change it unheard, so `Children` counts itself."""

    def __init__(self, executor: ProcessPoolExecutor, pid: int) -> None:
        self._executor = executor
        self._pid = pid
        self.done = 0

    async def run(self, work: Callable[..., _T], given: tuple[object, ...], seconds: float) -> _T:
        answer = await _answer_of(self._submit(work, given), seconds)
        self.done += 1
        return answer

    def kill(self) -> None:
        with suppress(ProcessLookupError):  # it died of itself
            os.kill(self._pid, signal.SIGKILL)
        self.let_go()

    def let_go(self) -> None:
        """It ends when it has nothing more to do."""
        _wind_up(self._executor)

    def end(self) -> None:
        """The same, and wait for it."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _submit(self, work: Callable[..., _T], given: tuple[object, ...]) -> "Future[_T]":
        try:
            return self._executor.submit(work, *given)
        except BrokenProcessPool:
            raise ChildLost("the process had died") from None


async def _start(memory_bytes: int) -> _Child:
    """
    A new interpreter, not a fork: the worker has threads, and secrets in its memory.

    Raises `Busy`: it is the machine that has no room for one, and no image is to blame.
    """
    context = get_context("spawn")
    executor = ProcessPoolExecutor(1, mp_context=context, initializer=settle_down, initargs=(memory_bytes,))
    try:
        return _Child(executor, await _answer_of(executor.submit(os.getpid), START_SECONDS))
    except (ChildLost, OSError) as fault:
        _wind_up(executor)
        log.warning("no process for images could be started", fault=str(fault))
        raise Busy("no process could be started to read it in") from None
    except BaseException:
        _wind_up(executor)
        raise


def _wind_up(executor: ProcessPoolExecutor) -> None:
    """In a thread, which sees its end: the loop does not close before."""
    asyncio.get_running_loop().run_in_executor(None, partial(executor.shutdown, wait=True, cancel_futures=True))


async def _answer_of(future: "Future[_T]", seconds: float) -> _T:
    """Waiting is given up without a word to the future: one that was cancelled would trip its executor as it breaks."""
    answer = asyncio.wrap_future(future)
    answer.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # nobody may be left to ask
    await asyncio.wait({answer}, timeout=seconds)
    if not answer.done():
        raise ChildLost(f"no answer within {seconds:g} s")
    try:
        return answer.result()
    except BrokenProcessPool:
        raise ChildLost("the process died") from None
