"""A few threads and a short line before them: no more at once, nobody waits long, and nobody who leaves breaks it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from threading import Barrier, Event, Lock, Semaphore

import pytest

from domain.errors import Unavailable
from domain.infra.bounded_threads import NICENESS, BoundedThreads, open_threads

THREADS, WAITING = 2, 3
PATIENCE = 10.0  # seconds: longer than any thread takes to start


class Work:
    """Stands still until it is let go."""

    def __init__(self) -> None:
        self.begun, self.let_go, self.ended = Semaphore(0), Event(), False

    def __call__(self) -> str:
        self.begun.release()
        assert self.let_go.wait(PATIENCE)
        self.ended = True
        return "done"

    async def under_way(self, times: int) -> None:
        for _ in range(times):
            assert await asyncio.to_thread(self.begun.acquire, timeout=PATIENCE)


@pytest.fixture
async def threads() -> AsyncIterator[BoundedThreads]:
    async with open_threads("test", THREADS, most_waiting=WAITING) as threads:
        yield threads


async def fill(threads: BoundedThreads, count: int) -> tuple[Work, list[asyncio.Task[str]]]:
    """So many callers of one work; those that found no thread stand in line."""
    work = Work()
    tasks = [asyncio.create_task(threads.run(work)) for _ in range(count)]
    await work.under_way(min(count, THREADS))
    return work, tasks


async def leave(*tasks: asyncio.Task[str]) -> None:
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError, Unavailable):
            await task


async def test_the_loop_goes_on_while_work_is_done(threads: BoundedThreads) -> None:
    work, (task,) = await fill(threads, 1)
    assert not task.done()
    work.let_go.set()
    assert await task == "done"


async def test_what_work_raises_is_its_callers(threads: BoundedThreads) -> None:
    def broken() -> None:
        raise LookupError

    for _ in range(THREADS + 1):
        with pytest.raises(LookupError):
            await threads.run(broken)


async def test_who_finds_the_line_full_is_told_so_at_once(threads: BoundedThreads) -> None:
    work, tasks = await fill(threads, THREADS + WAITING)
    with pytest.raises(Unavailable):
        await threads.run(work)
    work.let_go.set()
    assert await asyncio.gather(*tasks) == ["done"] * (THREADS + WAITING)


async def test_who_leaves_the_line_makes_room_in_it(threads: BoundedThreads) -> None:
    work, tasks = await fill(threads, THREADS + WAITING)
    await leave(tasks[-1])
    another = asyncio.create_task(threads.run(work))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await threads.run(work)
    work.let_go.set()
    assert await another == "done"
    await asyncio.gather(*tasks[:-1])


async def test_who_leaves_while_their_work_is_done_takes_no_thread_from_it(threads: BoundedThreads) -> None:
    work, tasks = await fill(threads, THREADS)
    await leave(*tasks)
    after = asyncio.create_task(threads.run(lambda: "after"))
    await asyncio.wait({after}, timeout=0.05)
    assert not after.done()
    work.let_go.set()
    assert await after == "after"


async def test_no_storm_of_callers_who_leave_loses_a_thread_or_makes_one_more(threads: BoundedThreads) -> None:
    lock, now, most = Lock(), 0, 0

    def work() -> str:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        Event().wait(0.0005)
        with lock:
            now -= 1
        return "done"

    for storm in range(20):
        tasks = [asyncio.create_task(threads.run(work)) for _ in range(THREADS + WAITING)]
        await asyncio.sleep(0.0002 * storm)
        await leave(*tasks[:: 1 + storm % 3])
        await asyncio.gather(*tasks, return_exceptions=True)
    both = Barrier(THREADS)
    await asyncio.gather(*[threads.run(lambda: both.wait(PATIENCE)) for _ in range(THREADS)])
    assert most == THREADS


async def test_who_is_sent_away_is_told_when_the_line_will_have_had_its_turn() -> None:
    seconds = 0.0

    def slow() -> None:
        nonlocal seconds
        seconds += 10

    async with open_threads("test", 2, most_waiting=3, clock=lambda: seconds) as threads:
        await threads.run(slow)
        work, tasks = await fill(threads, 5)
        with pytest.raises(Unavailable) as refusal:
            await threads.run(work)
        work.let_go.set()
        await asyncio.gather(*tasks)
    assert refusal.value.retry_after == timedelta(seconds=15)


async def test_the_end_waits_for_what_is_under_way() -> None:
    async with open_threads("test", 1, most_waiting=0) as threads:
        work, (task,) = await fill(threads, 1)
        await leave(task)
        asyncio.get_running_loop().call_soon(work.let_go.set)
    assert work.ended


def own_niceness() -> int:
    """Of the thread that asks, on Linux."""
    return os.getpriority(os.PRIO_PROCESS, 0)


async def test_the_threads_stand_back_behind_the_loop(threads: BoundedThreads) -> None:
    loops = own_niceness()
    expected = min(19, loops + NICENESS) if sys.platform == "linux" else loops
    assert await threads.run(own_niceness) == expected
    assert own_niceness() == loops
