"""What holds when a worker dies, is stopped, or loses its lease, and when Redis forgets everything."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain import transitions
from domain.errors import Unavailable
from domain.infra.job_store import Change, MongoJobStore
from domain.infra.mongo import Database
from domain.infra.queue import Lease
from domain.infra.redis import RedisClient
from domain.jobs import Job, Status
from domain.outcomes import Done, Outcome
from domain.vendors import Call
from tests.stores import LANE, LEASE, ScriptedVendor, Stores
from worker.leases import LeaseKeeper
from worker.refill import refill
from worker.runner import open_runner
from worker.starting import Started, Starter
from worker.sweep import Sweep
from worker.verdicts import Ended


async def queued(stores: Stores, how_many: int) -> None:
    while await stores.redis.zcard(LANE) < how_many:
        await asyncio.sleep(0.01)


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
    return Sweep(stores.station(ScriptedVendor()))


async def test_the_sweep_queues_what_redis_forgot_and_leaves_what_it_holds(stores: Stores) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    held = await stores.submit(sweep_at=past)
    while not await stores.redis.zcard(LANE):
        await asyncio.sleep(0.01)
    await stores.redis.zadd(LANE, {str(held.id): 9e12})
    assert (await sweep_of(stores).once())["queued_again"] == 0
    assert await stores.redis.zscore(LANE, str(held.id)) == 9e12
    await stores.redis.flushdb()
    await stores.database.jobs.update_one({"_id": held.id}, {"$set": {"sweep_at": past}})
    assert (await sweep_of(stores).once())["queued_again"] == 1
    assert await stores.redis.zcard(LANE) == 1


async def test_the_sweep_fails_what_was_never_started_by_its_deadline(stores: Stores) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    job = await stores.submit(deadline=past, sweep_at=past)
    assert (await sweep_of(stores).once())["deadline"] == 1
    failed = await stores.look(job)
    assert failed.error is not None
    assert failed.error.code == "deadline"


async def test_a_job_of_a_vendor_that_left_the_tables_fails_at_its_deadline(stores: Stores) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    live = await stores.submit(vendor="gone", sweep_at=past)
    late = await stores.submit(vendor="gone", deadline=past, sweep_at=past)
    assert await sweep_of(stores).once() == Counter(deadline=1)
    assert [(await stores.look(job)).status for job in (live, late)] == [Status.PENDING, Status.FAILED]


async def test_two_sweeps_at_once_find_the_same_and_mend_it_once(stores: Stores) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    await asyncio.gather(*(stores.submit(deadline=past, sweep_at=past) for _ in range(20)))
    counts = await asyncio.gather(*(sweep_of(stores).once() for _ in range(3)))
    assert sum(count["deadline"] for count in counts) == 20


async def test_an_ended_job_that_is_still_queued_is_removed_when_it_is_claimed(stores: Stores) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    job = await stores.submit(deadline=past, sweep_at=past)
    await queued(stores, 1)
    await sweep_of(stores).once()
    async with stores.worker(ScriptedVendor()):
        while await stores.redis.zcard(LANE):
            await asyncio.sleep(0.01)
    assert (await stores.look(job)).attempts == []


async def test_an_idle_lane_does_not_cut_the_calls_of_another_when_the_worker_stops(stores: Stores) -> None:
    release = asyncio.Event()

    async def answer(call: Call) -> Outcome:
        await release.wait()
        return Done("1")

    busy, idle = ScriptedVendor(answer, repeatable=False), ScriptedVendor()
    idle.name = "idle"
    async with stores.worker(idle, busy) as worker:
        job = await stores.submit()
        await busy.called.wait()
        worker.stop()
        await asyncio.sleep(0.1)  # the idle lane is done by now
        release.set()
    assert (await stores.look(job)).status is Status.COMPLETE


async def test_a_job_whose_score_came_early_waits_for_its_time(stores: Stores) -> None:
    later = datetime.now(UTC) + timedelta(minutes=5)
    job = await stores.submit(run_at=later)
    await queued(stores, 1)
    await stores.make_due(job)
    vendor = ScriptedVendor()
    async with stores.worker(vendor):
        while (await stores.redis.zscore(LANE, str(job.id)) or 0) < later.timestamp() * 1000 - 1:
            await asyncio.sleep(0.01)
    assert (vendor.calls, (await stores.look(job)).attempts) == ([], [])


async def test_the_sweep_gives_the_holder_of_a_forgotten_lease_time_to_renew_it(stores: Stores) -> None:
    begun = await dead_workers_job(stores)
    await stores.redis.flushdb()
    await stores.remember()
    await stores.database.jobs.update_one({"_id": begun.id}, {"$set": {"sweep_at": begun.created_at}})
    assert (await sweep_of(stores).once())["queued_again"] == 1
    assert (await stores.queue.claim("sync", 1, "thief:0")).leases == []
    score = await stores.redis.zscore(LANE, str(begun.id))
    assert (score or 0) % 1 == 0.5  # as a lease's end: then it goes before the backlog


async def test_after_a_flush_the_sweep_looks_at_everything_whatever_its_turn(stores: Stores) -> None:
    job = await stores.submit(sweep_at=datetime.now(UTC) + timedelta(minutes=30))
    await queued(stores, 1)
    await stores.remember()
    assert (await sweep_of(stores).once())["queued_again"] == 0
    await stores.redis.flushdb()
    assert (await sweep_of(stores).once())["queued_again"] == 1
    assert await stores.redis.zscore(LANE, str(job.id)) is not None


async def test_after_a_flush_a_long_backlog_and_what_is_for_later_are_queued_again_at_once(stores: Stores) -> None:
    later = datetime.now(UTC) + timedelta(minutes=30)
    jobs = [await stores.submit(sweep_at=later) for _ in range(120)]
    scheduled = await stores.submit(run_at=later, sweep_at=later)
    await queued(stores, 121)
    await stores.remember()
    await stores.redis.flushdb()
    await refill(stores.station(ScriptedVendor()))
    first = (await stores.queue.claim("sync", 200, "t:1")).leases
    assert [lease.request_id for lease in first] == [str(job.id) for job in jobs]  # in their order
    assert await stores.redis.zscore(LANE, str(scheduled.id)) is not None


class FlushedMeanwhile(MongoJobStore):
    """Redis forgets everything once more after the first lot."""

    redis: RedisClient

    async def each_pending(self, vendors: Sequence[str]) -> AsyncIterator[list[Job]]:
        async for lot in super().each_pending(vendors):
            yield lot
            await self.redis.flushdb()


async def test_a_second_flush_while_redis_is_filled_is_made_good_at_the_next_turn(stores: Stores) -> None:
    job = await stores.submit(sweep_at=datetime.now(UTC) + timedelta(minutes=30))
    unlucky = FlushedMeanwhile(stores.database)
    unlucky.redis = stores.redis
    await refill(stores.station(ScriptedVendor(), store=unlucky))
    assert await stores.redis.zscore(LANE, str(job.id)) is None
    await refill(stores.station(ScriptedVendor()))
    assert await stores.redis.zscore(LANE, str(job.id)) is not None


class Unconfirmed(MongoJobStore):
    """Writes, and loses the first answer."""

    lost = False

    async def compare_and_set(self, changes: Sequence[Change]) -> list[bool]:
        won = await super().compare_and_set(changes)
        if not self.lost:
            self.lost = True
            raise Unavailable("no answer")
        return won


async def test_a_start_that_was_written_but_not_confirmed_is_called_once_and_is_no_crash(stores: Stores) -> None:
    vendor = ScriptedVendor(repeatable=False)
    station = stores.station(vendor, store=Unconfirmed(stores.database))
    job = await stores.submit()
    await queued(stores, 1)
    lease = (await stores.queue.claim("sync", 1, "w:0")).leases[0]
    async with open_runner(station) as runner:
        assert await runner.run(lease) == Ended()
    assert (len(vendor.calls), (await stores.look(job)).crashes) == (1, 0)


class ReadTogether(MongoJobStore):
    """Lets nobody go on before both have read."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._both = asyncio.Barrier(2)

    async def load(self, ids: Sequence[UUID]) -> dict[UUID, Job]:
        jobs = await super().load(ids)
        await self._both.wait()
        return jobs


async def test_two_workers_with_one_token_do_not_both_start_a_job(stores: Stores) -> None:
    await stores.submit()
    await queued(stores, 1)
    lease = (await stores.queue.claim("sync", 1, "1")).leases[0]
    station = stores.station(ScriptedVendor(), store=ReadTogether(stores.database))
    answers = await asyncio.gather(*(Starter(station).start([lease]) for _ in range(2)))
    assert sum(isinstance(answer, Started) for (answer,) in answers) == 1


async def test_a_second_claim_of_a_job_that_still_runs_here_gives_the_first_run_up(stores: Stores) -> None:
    keeper = LeaseKeeper(stores.queue, lease=LEASE)
    first, second = Lease("id", "sync", "normal", "t:1"), Lease("id", "sync", "normal", "t:2")
    old, new = (asyncio.create_task(asyncio.sleep(60)) for _ in range(2))
    keeper.hold(first, old)
    keeper.hold(second, new)
    await asyncio.wait({old}, timeout=5)
    assert (old.cancelled(), keeper.lost(first), keeper.lost(second)) == (True, True, False)
    keeper.drop(first)
    new.cancel()
    keeper.hold(first, old)  # what was dropped was the first lease alone: the second still stands and is given up
    assert keeper.lost(second)
