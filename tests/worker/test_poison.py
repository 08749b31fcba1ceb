"""Suspects: who runs them, what holds when somebody dies on the way, and when they are set aside."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import arq
import pytest

from domain import transitions
from domain.backoff import Backoff
from domain.infra.job_store import MongoJobStore
from domain.interventions import TELL_VENDOR, begin_to_tell
from domain.jobs import CANCEL, POLL, Job, Status
from domain.outcomes import Done, Outcome
from domain.ports import Queued
from domain.suspects import CRASHES_ALONE, CRASHES_IN_COMPANY, marked_apart
from domain.transitions import signed
from domain.vendors import Call
from tests.stores import ScriptedVendor, Stores
from tests.strategies import a_job
from tests.worker.async_vendor import AsyncVendor
from worker.apart import Apart, ApartLane, stop_when_quiet
from worker.plain_arq import ARQ_TOKEN
from worker.plain_arq import run as run_with_arq
from worker.runner import open_runner
from worker.sweep import Sweep
from worker.verdicts import Again, Elsewhere, verdict_of

SUSPECT: dict[str, Any] = {"crashes": CRASHES_IN_COMPANY, "crashes_in_a_row": CRASHES_IN_COMPANY}


class FakeProcess:
    """An `ApartProcess` that ends when the test says so, or when it is told to stop."""

    def __init__(self) -> None:
        self.stops = 0
        self.code: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def stop(self) -> None:
        self.stops += 1
        self.end(0)

    def end(self, code: int) -> None:
        if not self.code.done():
            self.code.set_result(code)

    async def ended(self) -> int:
        return await asyncio.shield(self.code)


class FakeStarter:
    """An `ApartStarter` that can refuse."""

    def __init__(self, refusals: int = 0) -> None:
        self.started: asyncio.Queue[FakeProcess] = asyncio.Queue()
        self.asked = 0
        self._refusals = refusals

    async def start(self) -> FakeProcess:
        self.asked += 1
        if self.asked <= self._refusals:
            raise OSError("no more processes")
        process = FakeProcess()
        self.started.put_nowait(process)
        return process


async def classes(stores: Stores, job: Job) -> set[str]:
    """The classes of the queue in which the job stands."""
    found = set()
    for key in await stores.redis.keys("arq:queue:*"):
        if await stores.redis.zscore(key, str(job.id)) is not None:
            found.add("apart" if b":apart" in key else "ordinary")
    return found


async def stands_in(stores: Stores, job: Job, place: str) -> None:
    async with asyncio.timeout(10):
        while await classes(stores, job) != {place}:
            await asyncio.sleep(0.01)


async def dead_call(stores: Stores, job: Job, *, alone: bool, operation: str = "call") -> Job:
    """The job with a call on record whose worker is gone, and nothing in Redis."""
    await stores.redis.flushdb()
    now = datetime.now(UTC)
    ready = signed(job, f"dead:{job.epoch}")
    if operation == CANCEL:
        begun = begin_to_tell(ready, worker="dead", key="k", now=now)
    else:
        begun = transitions.start(ready, worker="dead", key="k", now=now, operation=operation)
    begun = marked_apart(begun) if alone else begun
    begun = begun.model_copy(update={"sweep_at": now})
    assert await stores.store.compare_and_set([(job, begun)]) == [True]
    return begun


def as_ordinary(job: Job) -> Queued:
    return replace(Queued.of(job), apart=False)


async def swept(stores: Stores, *vendors: ScriptedVendor, **parts: Any) -> None:
    await Sweep(stores.station(*vendors, **parts)).once()


async def test_ordinary_work_starts_no_process(stores: Stores) -> None:
    starter, vendor = FakeStarter(), ScriptedVendor()
    async with stores.worker(vendor, starter=starter):
        await stores.ended(await stores.submit())
    assert starter.asked == 0


async def test_a_job_that_becomes_a_suspect_is_moved_and_not_called(stores: Stores) -> None:
    job = await stores.submit(crashes_in_a_row=CRASHES_IN_COMPANY - 1)
    await dead_call(stores, job, alone=False)
    starter, vendor = FakeStarter(), ScriptedVendor()
    async with stores.worker(vendor, starter=starter):
        await starter.started.get()
        await stands_in(stores, job, "apart")
    found = await stores.look(job)
    assert (vendor.calls, found.status, found.crashes_in_a_row) == ([], Status.PENDING, CRASHES_IN_COMPANY)


async def test_a_suspect_that_was_queued_before_it_became_one_is_moved(stores: Stores) -> None:
    job = await stores.submit(sweep_at=None)  # the sweep does not see it
    await stands_in(stores, job, "ordinary")
    suspect = job.model_copy(update={**SUSPECT, "epoch": job.epoch + 1})
    assert await stores.store.compare_and_set([(job, suspect)]) == [True]
    starter, vendor = FakeStarter(), ScriptedVendor()
    async with stores.worker(vendor, starter=starter):
        async with asyncio.timeout(10):
            await starter.started.get()
        await stands_in(stores, job, "apart")
    assert vendor.calls == []
    assert (await stores.look(job)).claim_token is None  # nothing had to be written for it


async def test_after_a_flush_the_sweep_brings_suspects_back_to_where_they_run_apart(stores: Stores) -> None:
    job = await stores.submit(**SUSPECT)
    await stands_in(stores, job, "apart")
    await stores.redis.flushdb()
    called: list[bool] = []
    await swept(stores, ScriptedVendor(), call_apart=lambda: called.append(True))
    assert (await classes(stores, job), called) == ({"apart"}, [True])


async def test_the_child_runs_one_suspect_at_a_time_over_all_vendors_and_nothing_else(stores: Stores) -> None:
    running: list[str] = []
    together: list[int] = []

    async def answer(call: Call) -> Outcome:
        running.append(str(call.request_id))
        together.append(len(running))
        await asyncio.sleep(0.02)
        running.remove(str(call.request_id))
        return Done("1")

    one, other = ScriptedVendor(answer), ScriptedVendor(answer)
    other.name = "other"
    suspects = [await stores.submit(vendor=name, **SUSPECT) for name in ("sync", "other") for _ in range(5)]
    ordinary = await stores.submit()
    async with stores.worker(one, other, apart=True):
        ended = [await stores.ended(job) for job in suspects]
    assert (together, await classes(stores, ordinary)) == ([1] * 10, {"ordinary"})
    assert all(job.attempts[-1].apart and job.crashes_in_a_row == 0 for job in ended)


async def test_a_pause_holds_suspects_too(stores: Stores) -> None:
    await stores.queue.pause_vendor("sync")
    job = await stores.submit(**SUSPECT)
    vendor = ScriptedVendor()
    async with stores.worker(vendor, apart=True):
        await stands_in(stores, job, "apart")
        await asyncio.sleep(0.2)  # nothing happens, which no event tells
        assert vendor.calls == []
        await stores.queue.resume_vendor("sync")
        await stores.ended(job)


async def test_what_is_no_suspect_any_more_goes_back_and_is_run_by_an_ordinary_worker(stores: Stores) -> None:
    job = await stores.submit(**SUSPECT)
    await stands_in(stores, job, "apart")
    cleared = job.model_copy(update={"crashes_in_a_row": 0, "epoch": job.epoch + 1})
    assert await stores.store.compare_and_set([(job, cleared)]) == [True]
    child, vendor = ScriptedVendor(), ScriptedVendor()
    async with stores.worker(child, apart=True):
        await stands_in(stores, job, "ordinary")
    async with stores.worker(vendor):
        ended = await stores.ended(job)
    assert (child.calls, len(vendor.calls), ended.attempts[-1].apart) == ([], 1, False)


@pytest.mark.parametrize("by_child", [True, False], ids=["the next child", "an ordinary worker"])
async def test_the_third_death_alone_sets_a_job_aside_whoever_finds_it(stores: Stores, by_child: bool) -> None:
    job = await stores.submit(**SUSPECT, crashes_alone=CRASHES_ALONE - 1)
    begun = await dead_call(stores, job, alone=True)
    if by_child:
        await swept(stores, ScriptedVendor())
    else:  # left in the class that it was in before it became a suspect
        await stores.queue.enqueue([as_ordinary(begun)])
    vendor = ScriptedVendor()
    async with stores.worker(vendor, apart=by_child):
        ended = await stores.ended(job)
    assert ended.error is not None
    assert (vendor.calls, ended.error.code, ended.error.retryable) == ([], "poison", True)
    assert "dead" in ended.error.message


async def test_polls_that_kill_make_a_suspect_which_is_polled_apart(stores: Stores) -> None:
    vendor = AsyncVendor(poll_every=timedelta(seconds=0.1), repeatable=False)
    job = await stores.submit(
        status=Status.PROCESSING, vendor_ref="ref-1", crashes_in_a_row=CRASHES_IN_COMPANY - 1, waiting_until=None
    )
    await dead_call(stores, job, alone=False, operation=POLL)
    starter = FakeStarter()
    async with stores.worker(vendor, starter=starter):
        await starter.started.get()
        await stands_in(stores, job, "apart")
    assert vendor.polls == []
    vendor.poll_answers = [Done("1")]
    async with stores.worker(vendor, apart=True):
        ended = await stores.ended(job)
    assert [(attempt.operation, attempt.apart) for attempt in ended.attempts] == [("poll", False), ("poll", True)]


async def test_a_vendor_is_told_of_a_cancel_apart_after_that_killed_its_workers(stores: Stores) -> None:
    vendor = AsyncVendor(backoff=Backoff(0.01, 0.01))
    cancelled = {"status": Status.CANCELLED, "vendor_ref": "ref-1", "follow_ups": [TELL_VENDOR]}
    job = await stores.submit(**cancelled, crashes_in_a_row=CRASHES_IN_COMPANY - 1)
    await dead_call(stores, job, alone=False, operation=CANCEL)
    async with stores.worker(vendor):
        await stands_in(stores, job, "apart")
    assert vendor.cancels == []
    async with stores.worker(vendor, apart=True):
        await vendor.cancelled.wait()
        async with asyncio.timeout(10):
            while (found := await stores.look(job)).follow_ups:
                await asyncio.sleep(0.01)
    assert (found.attempts[-1].operation, found.attempts[-1].apart) == ("cancel", True)


async def test_a_worker_that_starts_has_suspects_run_which_are_queued_from_before(stores: Stores) -> None:
    await stands_in(stores, await stores.submit(**SUSPECT, sweep_at=None), "apart")
    starter = FakeStarter()
    async with stores.worker(ScriptedVendor(), starter=starter):
        async with asyncio.timeout(10):
            child = await starter.started.get()
    assert child.stops  # with its parent


async def test_a_suspect_that_could_not_be_queued_where_it_belongs_comes_there_by_the_sweep(stores: Stores) -> None:
    job = await stores.submit(crashes_in_a_row=CRASHES_IN_COMPANY - 1)
    await dead_call(stores, job, alone=False)
    async with stores.worker(ScriptedVendor()):
        await stands_in(stores, job, "apart")
    await stores.redis.flushdb()  # as if the worker had died between taking it out here and queueing it there
    await stores.store.sweep_now(datetime.now(UTC), ["sync"])
    await swept(stores, ScriptedVendor(), store=MongoJobStore(stores.database))
    assert await classes(stores, job) == {"apart"}


async def test_a_child_that_cannot_be_started_is_started_later() -> None:
    starter = FakeStarter(refusals=2)
    children = Apart(starter, first_wait_seconds=0.001)
    running = asyncio.create_task(children.run())
    children.call()
    async with asyncio.timeout(5):
        await starter.started.get()
    assert starter.asked == 3
    running.cancel()


async def test_a_child_that_died_is_started_again_and_one_that_had_nothing_to_do_is_not() -> None:
    starter = FakeStarter()
    children = Apart(starter)
    running = asyncio.create_task(children.run())
    children.call()
    async with asyncio.timeout(5):
        (await starter.started.get()).end(-9)
        second = await starter.started.get()
        children.call()  # seen while it was about to end
        second.end(0)
        (await starter.started.get()).end(0)
        await asyncio.sleep(0.05)  # nothing happens, which no event tells
    assert starter.asked == 3
    running.cancel()


async def test_a_stop_has_the_child_drain_and_waits_for_it() -> None:
    starter = FakeStarter()
    children = Apart(starter)
    running = asyncio.create_task(children.run())
    children.call()
    child = await starter.started.get()
    await children.drain(timedelta(seconds=5))
    assert (child.stops > 0, child.code.result()) == (True, 0)
    running.cancel()


async def test_a_child_ends_by_itself_when_there_are_no_suspects(stores: Stores) -> None:
    job, ended = await stores.submit(**SUSPECT), asyncio.Event()
    async with stores.worker(ScriptedVendor(), apart=True) as worker:
        assert (await stores.ended(job)).status is Status.COMPLETE
        async with asyncio.timeout(5):
            await stop_when_quiet(lambda: worker.lanes, ended.set, timedelta(seconds=0.1))
    assert ended.is_set()


async def test_a_child_stays_while_suspects_wait_for_a_vendor_that_is_paused(stores: Stores) -> None:
    await stores.queue.pause_vendor("sync")
    await stands_in(stores, await stores.submit(**SUSPECT), "apart")
    async with stores.worker(ScriptedVendor(), apart=True) as worker:
        before = worker.lanes[0]
        assert isinstance(before, ApartLane)
        while before.quiet_seconds < 0.3:  # it has looked once, and looks again every five seconds
            await asyncio.sleep(0.01)
        before.wake()
        async with asyncio.timeout(5):
            while before.quiet_seconds > 0.2:
                await asyncio.sleep(0.01)


async def test_a_plain_arq_worker_runs_no_suspect_and_leaves_it_queued(stores: Stores) -> None:
    job = await stores.submit(**SUSPECT)
    await stores.redis.set(f"arq:in-progress:{job.id}", ARQ_TOKEN)
    vendor = ScriptedVendor()
    async with open_runner(stores.station(vendor)) as runner:
        with pytest.raises(arq.Retry):
            await run_with_arq({"runner": runner, "jobs": stores.reader}, str(job.id))
    assert vendor.calls == []


def test_a_job_whose_suspicion_changed_goes_to_its_new_class_at_once() -> None:
    suspect, cleared = a_job(**SUSPECT), a_job()
    assert verdict_of(suspect, apart=True) == Again(suspect.run_at)
    assert verdict_of(suspect, apart=False) == Elsewhere(Queued.of(suspect))
    assert verdict_of(cleared, apart=True) == Elsewhere(Queued.of(cleared))
