"""What holds when a worker dies, is stopped, or loses its lease, and when Redis forgets everything."""

import asyncio
from datetime import UTC, datetime, timedelta

from domain import transitions
from domain.infra.queue import Lease
from domain.jobs import Job, Status
from domain.outcomes import Done, Outcome
from domain.vendors import Call
from tests.stores import LEASE, ScriptedVendor, Stores
from worker.clock import FleetClock
from worker.station import Station
from worker.sweep import Sweep


async def dead_workers_job(stores: Stores) -> Job:
    """A job that a worker claimed and started, and then was never heard of again."""
    job = await stores.submit()
    leases: list[Lease] = []
    while not leases:
        leases = (await stores.queue.claim("sync", 1, "dead:0")).leases
    claimed = transitions.signed(job, "dead:0")
    begun = transitions.start(claimed, worker="dead", key=f"{job.id}:call:1", now=datetime.now(UTC))
    assert await stores.store.compare_and_set([(job, begun)]) == [True]
    return begun


async def test_a_dead_workers_job_is_called_again_with_the_same_key_when_its_lease_is_over(stores: Stores) -> None:
    begun = await dead_workers_job(stores)
    vendor = ScriptedVendor()
    async with stores.worker(vendor):
        job = await stores.ended(begun)
    assert [(attempt.outcome, attempt.counted) for attempt in job.attempts] == [("crashed", False), ("done", True)]
    assert vendor.calls[0].idempotency_key == begun.attempts[0].key
    assert job.crashes == 1


async def test_a_dead_workers_job_is_not_repeated_at_a_vendor_without_keys(stores: Stores) -> None:
    begun = await dead_workers_job(stores)
    vendor = ScriptedVendor(repeatable=False)
    async with stores.worker(vendor):
        job = await stores.ended(begun)
    assert job.error is not None
    assert (job.error.code, vendor.calls) == ("outcome_unknown", [])


async def test_a_long_call_keeps_its_lease(stores: Stores) -> None:
    async def answer(call: Call) -> Outcome:
        await asyncio.sleep(LEASE.total_seconds() * 2.5)  # slow: it must outlast the lease twice
        return Done("1")

    slow, idle = ScriptedVendor(answer), ScriptedVendor()
    async with stores.worker(slow):
        job = await stores.submit()
        await slow.called.wait()
        async with stores.worker(idle):
            ended = await stores.ended(job)
    assert (ended.status, ended.crashes, idle.calls) == (Status.COMPLETE, 0, [])


async def test_a_flush_of_redis_in_mid_call_neither_cancels_nor_repeats_it(stores: Stores) -> None:
    release = asyncio.Event()

    async def answer(call: Call) -> Outcome:
        await release.wait()
        return Done("1")

    vendor, other = ScriptedVendor(answer), ScriptedVendor()
    async with stores.worker(vendor), stores.worker(other):
        job = await stores.submit()
        while not vendor.calls and not other.calls:
            await asyncio.sleep(0.01)
        if other.calls:
            return  # the other one, which answers at once, was first: nothing is in mid call
        await stores.redis.flushdb()
        while not await stores.redis.exists(f"arq:in-progress:{job.id}"):
            await asyncio.sleep(0.01)  # its holder sets it again
        release.set()
        ended = await stores.ended(job)
    assert (len(vendor.calls), len(other.calls), ended.crashes) == (1, 0, 0)


async def test_a_lost_lease_cancels_the_call_and_its_late_answer_changes_nothing(stores: Stores) -> None:
    cancelled = asyncio.Event()

    async def answer(call: Call) -> Outcome:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return Done("never")

    vendor = ScriptedVendor(answer)
    async with stores.worker(vendor):
        job = await stores.submit()
        await vendor.called.wait()
        await stores.redis.set(f"arq:in-progress:{job.id}", "another", px=60_000)
        await cancelled.wait()
    assert (await stores.look(job)).status is Status.PROCESSING


async def test_a_stop_lets_calls_end_and_costs_no_attempt(stores: Stores) -> None:
    release = asyncio.Event()

    async def answer(call: Call) -> Outcome:
        await release.wait()
        return Done("1")

    vendor = ScriptedVendor(answer)
    async with stores.worker(vendor) as worker:
        job = await stores.submit()
        await vendor.called.wait()
        worker.stop()
        late = await stores.submit()
        release.set()
        ended = await stores.ended(job)
    assert (ended.status, len(ended.attempts)) == (Status.COMPLETE, 1)
    assert (await stores.look(late)).attempts == []


async def test_a_call_that_outlasts_the_grace_is_cut_and_released_without_a_try(stores: Stores) -> None:
    async def answer(call: Call) -> Outcome:
        await asyncio.Event().wait()
        return Done("never")

    vendor, next_one = ScriptedVendor(answer), ScriptedVendor()
    async with stores.worker(vendor, drain=timedelta(seconds=0.05)):
        job = await stores.submit()
        await vendor.called.wait()
    drained = await stores.look(job)
    assert (drained.status, drained.tries, drained.attempts[0].outcome) == (Status.PENDING, 0, "drained")
    async with stores.worker(next_one):
        assert (await stores.ended(job)).status is Status.COMPLETE


def sweep_of(stores: Stores) -> Sweep:
    return Sweep(Station("test", stores.store, stores.queue, FleetClock(), {"sync": ScriptedVendor()}))


async def test_the_sweep_queues_what_redis_forgot_and_leaves_what_it_holds(stores: Stores) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    held = await stores.submit(sweep_at=past)
    while not await stores.redis.zcard("arq:queue:sync:normal"):
        await asyncio.sleep(0.01)
    await stores.redis.zadd("arq:queue:sync:normal", {str(held.id): 9e12})
    assert (await sweep_of(stores).once())["queued_again"] == 0
    assert await stores.redis.zscore("arq:queue:sync:normal", str(held.id)) == 9e12
    await stores.redis.flushdb()
    await stores.database.jobs.update_one({"_id": held.id}, {"$set": {"sweep_at": past}})
    assert (await sweep_of(stores).once())["queued_again"] == 1
    assert await stores.redis.zcard("arq:queue:sync:normal") == 1


async def test_the_sweep_fails_what_was_never_started_by_its_deadline(stores: Stores) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    job = await stores.submit(deadline=past, sweep_at=past)
    assert (await sweep_of(stores).once())["deadline"] == 1
    failed = await stores.look(job)
    assert failed.error is not None
    assert failed.error.code == "deadline"


async def test_two_sweeps_at_once_find_the_same_and_mend_it_once(stores: Stores) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    await asyncio.gather(*(stores.submit(deadline=past, sweep_at=past) for _ in range(20)))
    counts = await asyncio.gather(*(sweep_of(stores).once() for _ in range(3)))
    assert sum(count["deadline"] for count in counts) == 20
