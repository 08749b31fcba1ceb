"""Group commit, by its laws: nobody's answer is lost or another's, and one fault is one caller's."""

import asyncio
from collections.abc import Sequence

import pytest

from domain.errors import Unavailable
from domain.infra.batching import Batcher


class Work:
    """Doubles numbers, refuses negative ones, and holds the first batch until told."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.release = asyncio.Event()

    async def __call__(self, items: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(items))
        await self.release.wait()
        return [ValueError(item) if item < 0 else item * 2 for item in items]


async def test_what_arrives_during_a_batch_makes_up_the_next() -> None:
    work = Work()
    async with Batcher(work, largest=100) as batcher:
        first = asyncio.create_task(batcher.submit(1))
        while not work.batches:
            await asyncio.sleep(0)
        rest = [asyncio.create_task(batcher.submit(n)) for n in range(2, 50)]
        await asyncio.sleep(0)
        work.release.set()
        assert await asyncio.gather(first, *rest) == [n * 2 for n in range(1, 50)]
    assert [len(batch) for batch in work.batches] == [1, 48]


async def test_no_batch_is_larger_than_the_largest() -> None:
    work = Work()
    work.release.set()
    async with Batcher(work, largest=7) as batcher:
        await asyncio.gather(*(batcher.submit(n) for n in range(50)))
    assert max(len(batch) for batch in work.batches) == 7


async def test_a_bad_item_fails_alone() -> None:
    work = Work()
    work.release.set()
    async with Batcher(work, largest=100) as batcher:
        answers = await asyncio.gather(*(batcher.submit(n) for n in (1, -2, 3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [int, ValueError, int]


async def test_a_fault_of_the_work_reaches_every_caller_and_the_next_batch_goes_on() -> None:
    broken = True

    async def work(items: Sequence[int]) -> list[int | Exception]:
        if broken:
            raise ConnectionError
        return list(items)

    async with Batcher(work, largest=100) as batcher:
        answers = await asyncio.gather(*(batcher.submit(n) for n in range(3)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [ConnectionError] * 3
        broken = False
        assert await batcher.submit(7) == 7


async def test_a_full_waiting_room_says_so_at_once() -> None:
    work = Work()
    async with Batcher(work, largest=1, waiting_room=2) as batcher:
        tasks = [asyncio.create_task(batcher.submit(0))]
        while not work.batches:
            await asyncio.sleep(0)
        tasks += [asyncio.create_task(batcher.submit(n)) for n in (1, 2)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await batcher.submit(99)
        work.release.set()
        assert await asyncio.gather(*tasks) == [0, 2, 4]


async def test_closing_finishes_what_was_handed_in_even_the_batch_under_way() -> None:
    work = Work()
    async with Batcher(work, largest=1) as batcher:
        tasks = [asyncio.create_task(batcher.submit(n)) for n in range(3)]
        while not work.batches:
            await asyncio.sleep(0)
        work.release.set()
    assert [task.result() for task in tasks] == [0, 2, 4]


async def test_a_caller_that_goes_away_disturbs_nobody() -> None:
    work = Work()
    async with Batcher(work, largest=100) as batcher:
        gone, stays = (asyncio.create_task(batcher.submit(n)) for n in (1, 2))
        await asyncio.sleep(0)
        gone.cancel()
        work.release.set()
        assert await stays == 4


async def test_closing_waits_no_longer_than_its_patience_for_work_that_never_ends() -> None:
    work = Work()
    async with Batcher(work, largest=1, patience_seconds=0.01) as batcher:
        task = asyncio.create_task(batcher.submit(1))
        while not work.batches:
            await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
