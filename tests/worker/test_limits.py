"""A vendor's limits over several workers, as the vendor sees them: on real stores, with real time."""

import asyncio
import time

from domain.jobs import Job, Status
from domain.outcomes import Done, Outcome
from domain.vendors import Call
from tests.stores import LANE, ScriptedVendor, Stores


class TimedVendor(ScriptedVendor):
    """Notes when it was called, and how many calls were under way at most."""

    def __init__(self, seconds: float = 0.0, **policy: object) -> None:
        super().__init__(self._work, **policy)
        self.times: list[float] = []
        self.most = 0
        self._seconds = seconds
        self._now = 0

    async def _work(self, call: Call) -> Outcome:
        self.times.append(time.monotonic())
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            await asyncio.sleep(self._seconds)
        finally:
            self._now -= 1
        return Done("1")

    def worst(self, span: float) -> int:
        return max(sum(first <= at < first + span for at in self.times) for first in self.times)


async def submitted(stores: Stores, how_many: int) -> list[Job]:
    jobs = await asyncio.gather(*(stores.submit() for _ in range(how_many)))
    while await stores.redis.zcard(LANE) < how_many:
        await asyncio.sleep(0.01)
    return list(jobs)


async def ended(stores: Stores, jobs: list[Job]) -> list[Job]:
    return list(await asyncio.gather(*(stores.ended(job) for job in jobs)))


async def test_two_workers_together_keep_a_vendors_limit_and_waste_none_of_it(stores: Stores) -> None:
    """Slow: a sliding second has to pass twice."""
    vendor = TimedVendor(limit="10/second")
    jobs = await submitted(stores, 25)
    async with stores.worker(vendor), stores.worker(vendor):
        done = await ended(stores, jobs)
    assert vendor.worst(1.0) <= 10
    assert vendor.times[-1] - vendor.times[0] < 2.3
    assert [len(job.attempts) for job in done] == [1] * 25  # nothing was started before it had its permit


async def test_a_flush_in_mid_run_lets_nothing_through(stores: Stores) -> None:
    """Slow: a sliding second has to pass."""
    vendor = TimedVendor(limit="8/second")
    jobs = await submitted(stores, 14)
    async with stores.worker(vendor), stores.worker(vendor):
        while len(vendor.times) < 6:
            await asyncio.sleep(0.005)
        await stores.redis.flushdb()
        await ended(stores, jobs)
    assert vendor.worst(1.0) <= 8
    assert len(vendor.times) == 14


async def test_two_workers_together_keep_to_the_calls_at_once_through_a_flush(stores: Stores) -> None:
    vendor = TimedVendor(0.05, concurrency=3)
    jobs = await submitted(stores, 24)
    async with stores.worker(vendor), stores.worker(vendor):
        while len(vendor.times) < 6:
            await asyncio.sleep(0.005)
        await stores.redis.flushdb()
        await ended(stores, jobs)
    assert (vendor.most, len(vendor.times)) == (3, 24)
    assert await stores.redis.zcard("gateway:running:sync") == 0


async def test_calls_at_once_are_used_up_as_soon_as_others_end(stores: Stores) -> None:
    vendor = TimedVendor(0.02, concurrency=2)
    jobs = await submitted(stores, 20)
    async with stores.worker(vendor), stores.worker(vendor):
        await ended(stores, jobs)
    assert vendor.times[-1] - vendor.times[0] < 2.0  # 0.2 s of work and the stores'; a lease's end would be 1 s each


async def test_a_paused_vendor_is_called_by_nobody_until_it_is_resumed(stores: Stores) -> None:
    vendor = TimedVendor()
    await stores.queue.pause_vendor("sync")
    await stores.database.vendors.insert_one({"_id": "sync", "paused": True})
    async with stores.worker(vendor):
        job = (await submitted(stores, 1))[0]
        await stores.redis.delete("gateway:paused:sync", "gateway:limiter:sync")  # as a flush does
        while not await stores.redis.exists("gateway:paused:sync"):
            await asyncio.sleep(0.01)
            await stores.redis.publish("gateway:wake", "gateway:idle:sync")  # a held lane looks again in 5 s
        assert vendor.calls == []
        await stores.database.vendors.update_one({"_id": "sync"}, {"$set": {"paused": False}})
        await stores.queue.resume_vendor("sync")
        assert (await stores.ended(job)).status is Status.COMPLETE
