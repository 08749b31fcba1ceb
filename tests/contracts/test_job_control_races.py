"""Job control on real stores: who wins when several want different things of one job, and what stays behind."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain import interventions, transitions
from domain.errors import Conflict, NotFound, Unavailable
from domain.infra import replays
from domain.infra.job_control import MongoJobControl, open_job_control
from domain.infra.queue import Queue
from domain.infra.queue_keys import queue_key
from domain.infra.redis import open_redis
from domain.jobs import AttemptOutcome, Job, Priority, Status
from domain.outcomes import Done, Failed, Outcome, Waiting
from domain.ports import Replayed, ReplayFilter
from domain.retention import Retention
from domain.tombstones import KEPT
from domain.vendors import Call, VendorPolicy
from tests.fake_control import FakeFollowUps
from tests.stores import LEASE, ScriptedVendor, Stores

RULES = transitions.Rules(VendorPolicy())
SYNC = queue_key("sync", Priority.NORMAL, "acme")


@pytest.fixture
def follow_ups(stores: Stores) -> FakeFollowUps:
    async def strike_off(jobs: Sequence[Job]) -> None:
        done = [transitions.signed(interventions.followed_up(job, "callback", _now()), "h") for job in jobs]
        await stores.store.compare_and_set(list(zip(jobs, done, strict=True)))

    return FakeFollowUps(strike_off)


def opened(stores: Stores, follow_ups: FakeFollowUps) -> AbstractAsyncContextManager[MongoJobControl]:
    return open_job_control(stores.database, stores.redis, stores.queue, follow_ups, retention=Retention())


@pytest.fixture
async def control(stores: Stores, follow_ups: FakeFollowUps) -> AsyncIterator[MongoJobControl]:
    async with opened(stores, follow_ups) as found:
        yield found


async def test_of_twenty_cancels_at_once_one_is_told_that_it_did_it(stores: Stores, control: MongoJobControl) -> None:
    job = await stores.submit()
    answers = await asyncio.gather(*(control.cancel(job.id, None) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(answer, Job) for answer in answers) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == 19
    assert (await stores.look(job)).epoch == job.epoch + 1


async def test_a_cancel_and_the_end_of_the_call_have_one_winner(stores: Stores, control: MongoJobControl) -> None:
    for _ in range(20):
        begun = await call(stores, await stores.submit())
        end = transitions.settle(begun, Done("{}", 200), RULES, _now())
        settled, cancelled = await asyncio.gather(
            stores.store.compare_and_set([(begun, end)]), control.cancel(begun.id, None), return_exceptions=True
        )
        found = await stores.look(begun)
        assert isinstance(cancelled, Job) is (found.status is Status.CANCELLED)
        assert (settled == [True]) is (found.status is Status.COMPLETE)


async def test_a_retry_that_is_asked_for_twice_at_once_is_one_new_run(stores: Stores, control: MongoJobControl) -> None:
    job = await fail(stores, await stores.submit())
    answers = await asyncio.gather(*(control.retry(job.id, None) for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(answer, Job) for answer in answers) == 1
    assert {type(answer) for answer in answers} == {Job, Conflict}
    assert (await stores.look(job)).generation == 2


async def test_a_delete_and_a_retry_have_one_winner(stores: Stores, control: MongoJobControl) -> None:
    for _ in range(20):
        job = await fail(stores, await stores.submit(idempotency_key=None))
        deleted, retried = await asyncio.gather(
            control.delete(job.id, None), control.retry(job.id, None), return_exceptions=True
        )
        assert (deleted is None) != isinstance(retried, Job)
        assert isinstance(deleted or retried, Conflict | NotFound)


async def test_a_cancelled_job_leaves_the_queue_and_a_retried_one_is_in_it(stores: Stores) -> None:
    async with opened(stores, FakeFollowUps()) as control:
        job = await stores.submit(run_at=_now() + timedelta(hours=1))
        await stores.queue.enqueue([])  # whatever the intake queues is queued behind this
        await queued(stores, job)
        await control.cancel(job.id, None)
    assert await stores.redis.zscore(SYNC, str(job.id)) is None
    async with opened(stores, FakeFollowUps()) as control:
        await control.retry(job.id, None)
    score = await stores.redis.zscore(SYNC, str(job.id))
    assert score <= datetime.now(UTC).timestamp() * 1000


async def test_a_retry_outlives_the_lease_that_is_being_given_back(stores: Stores, control: MongoJobControl) -> None:
    """It takes the second after which the control looks again."""
    job = await fail(stores, await stores.submit())
    await queued(stores, job)
    lease = f"arq:in-progress:{job.id}"
    await stores.redis.set(lease, "t")
    waiting = stores.redis.pubsub(ignore_subscribe_messages=True)
    async with waiting:
        await waiting.subscribe("gateway:changes")
        await control.retry(job.id, None)
        await heard(waiting)
    await stores.redis.delete(lease)
    await stores.redis.zrem(SYNC, str(job.id))  # what a worker's give_back does
    await queued(stores, job)


async def test_a_call_whose_worker_is_gone_holds_no_retry_up(stores: Stores, control: MongoJobControl) -> None:
    job = await call(stores, await stores.submit())
    await control.cancel(job.id, None)
    retried = await control.retry(job.id, None)
    assert (retried.attempts[-1].outcome, retried.generation) == (AttemptOutcome.CRASHED, 1)


async def test_a_redis_that_hangs_keeps_nobody_long_who_asks_for_a_retry(
    stores: Stores, follow_ups: FakeFollowUps
) -> None:
    job = await call(stores, await stores.submit())
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never says a word
        async with open_redis(f"redis://127.0.0.1:{silent.getsockname()[1]}/0") as hanging:
            queue = Queue(hanging, lease=LEASE)
            async with open_job_control(stores.database, hanging, queue, follow_ups, retention=Retention()) as control:
                await control.cancel(job.id, None)
                async with asyncio.timeout(3):  # less than Redis' own patience
                    with pytest.raises(Unavailable):
                        await control.retry(job.id, None)


async def test_a_late_answer_is_never_taken_for_that_of_the_next_run(stores: Stores, control: MongoJobControl) -> None:
    answer = asyncio.Event()

    async def slowly(_: Call) -> Outcome:
        await answer.wait()
        return Done(f"[{len(vendor.calls)}]", 200)

    vendor = ScriptedVendor(slowly)
    async with stores.worker(vendor):
        job = await stores.submit()
        await vendor.called.wait()
        await control.cancel(job.id, None)
        with pytest.raises(Conflict):
            await control.retry(job.id, None)
        answer.set()
        async with asyncio.timeout(5):
            while interventions.is_called(await stores.look(job)):
                await asyncio.sleep(0.01)
        late = await stores.look(job)
        assert (late.status, late.attempts[-1].outcome, late.result) == (Status.CANCELLED, AttemptOutcome.DONE, None)
        await control.retry(job.id, None)
        done = await stores.ended(job)
    assert (done.status, done.result, len(vendor.calls)) == (Status.COMPLETE, "[2]", 2)


async def test_who_waits_hears_of_a_cancel_and_of_a_delete(stores: Stores, control: MongoJobControl) -> None:
    job = await stores.submit()
    waiting = asyncio.create_task(stores.reader.wait_until_ended(job.id, None, 20))
    await asyncio.sleep(0)
    async with asyncio.timeout(3):  # less than the 5 s after which a waiter looks by itself
        cancelled = await control.cancel(job.id, None)
        found = await waiting
        assert found is not None
        assert found.status is Status.CANCELLED
        watching = asyncio.create_task(stores.reader.wait_for_change(found, 20))
        await asyncio.sleep(0)
        await control.delete(cancelled.id, None)
        with pytest.raises(NotFound):
            await watching


async def test_a_callback_is_on_record_before_its_end_is_forgotten(
    stores: Stores, control: MongoJobControl, follow_ups: FakeFollowUps
) -> None:
    url = "https://client.example/hook"
    for change in (control.retry, control.delete):
        job = await fail(stores, await stores.submit(callback_url=url))
        await change(job.id, None)
        assert [told.id for told in follow_ups.done] == [job.id]
        follow_ups.done.clear()
    cancelled = await control.cancel((await stores.submit(callback_url=url)).id, None)
    assert [told.id for told in follow_ups.begun] == [cancelled.id]


async def test_a_callback_that_cannot_be_put_on_record_keeps_the_end(stores: Stores) -> None:
    async def refuse(_: Sequence[Job]) -> None:
        raise Unavailable("not now")

    job = await fail(stores, await stores.submit(callback_url="https://client.example/hook"))
    stored = await stores.look(job)
    async with opened(stores, FakeFollowUps(refuse)) as control:
        for change in (control.retry, control.delete):
            with pytest.raises(Unavailable):
                await change(job.id, None)
    assert await stores.look(job) == stored


async def test_a_job_whose_vendor_is_untold_of_its_cancel_is_not_deleted(
    stores: Stores, control: MongoJobControl
) -> None:
    begun = await call(stores, await stores.submit())
    waiting = transitions.settle(begun, Waiting("ref", _now() + timedelta(hours=1)), RULES, _now())
    assert await stores.store.compare_and_set([(begun, waiting)]) == [True]
    await control.cancel(begun.id, None)
    with pytest.raises(Conflict) as refused:
        await control.delete(begun.id, None)
    assert refused.value.code == "vendor-untold"


async def test_of_a_deleted_job_only_its_key_is_left(stores: Stores, control: MongoJobControl) -> None:
    words = {"payload": '"secret"', "metadata": {"order": "A-17"}, "callback_url": "https://client.example/hook"}
    job = await fail(stores, await stores.submit(idempotency_key="k", fingerprint="f", **words))
    await control.delete(job.id, None)
    left = await stores.database.jobs.find_one({"_id": job.id})
    assert left is not None
    told = {name for name, value in left.items() if value not in ("", [], 0)}
    assert told <= {*KEPT - {"id"}, "_id", "epoch", "deleted", "updated_at", "expire_at"}
    assert left["expire_at"] == job.kept_until  # a key lives as long as its job would have


async def test_a_key_outlives_its_deleted_job_by_a_day_at_least(stores: Stores) -> None:
    async with open_job_control(
        stores.database,
        stores.redis,
        stores.queue,
        FakeFollowUps(),
        retention=Retention(cancelled=timedelta(minutes=1)),
    ) as control:
        kept, gone = await stores.submit(idempotency_key="k"), await stores.submit()
        for job in (kept, gone):
            await control.cancel(job.id, None)
            await control.delete(job.id, None)
    left = await stores.store.load([kept.id, gone.id])
    assert (left[kept.id].expire_at or _now()) >= left[kept.id].created_at + timedelta(days=1)
    assert (left[gone.id].expire_at or kept.deadline) <= datetime.now(UTC)


async def test_a_replay_goes_on_over_pages_and_does_callbacks_first(
    stores: Stores, control: MongoJobControl, follow_ups: FakeFollowUps
) -> None:
    many = replays.PAGE + 10
    url = "https://client.example/hook"
    jobs = await asyncio.gather(*(stores.submit(callback_url=url, payload=f"[{place}]") for place in range(many)))
    failed = [transitions.fail(job, Failed("deadline", "late"), RULES, _now()) for job in jobs]
    assert all(await stores.store.compare_and_set(list(zip(jobs, failed, strict=True))))
    assert await control.replay(ReplayFilter("sync", Status.FAILED), dry_run=False) == Replayed(many, many)
    assert len(follow_ups.done) == many
    found = await stores.store.load([job.id for job in jobs])
    assert [found[job.id].payload for job in jobs] == [job.payload for job in jobs]
    assert {job.status for job in found.values()} == {Status.PENDING}


async def test_a_replay_is_searched_for_by_its_index(stores: Stores) -> None:
    await stores.submit()
    hour = timedelta(hours=1)
    for which in (
        ReplayFilter("sync", Status.FAILED),
        ReplayFilter("sync", Status.CANCELLED, "x", _now() - hour, _now()),
    ):
        plan = await stores.database.jobs.find(replays.conditions(which)).sort("_id", 1).explain()
        assert "'indexName': 'to_replay'" in str(plan["queryPlanner"]["winningPlan"])
        assert "SORT" not in str(plan["queryPlanner"]["winningPlan"])


async def call(stores: Stores, job: Job) -> Job:
    """What a worker does first; no lease stands in Redis, as if the worker had died since."""
    begun = transitions.start(transitions.signed(job, "t"), worker="w", key="k", now=_now())
    assert await stores.store.compare_and_set([(job, begun)]) == [True]
    return begun


async def fail(stores: Stores, job: Job) -> Job:
    begun = await call(stores, job)
    after = transitions.settle(begun, Failed("vendor_rejected", "no", 400), RULES, _now())
    assert await stores.store.compare_and_set([(begun, after)]) == [True]
    return after


async def queued(stores: Stores, job: Job) -> None:
    """Return when the job is in its queue."""
    async with asyncio.timeout(5):
        while await stores.redis.zscore(SYNC, str(job.id)) is None:
            await asyncio.sleep(0.01)


async def heard(subscription: Any) -> None:
    """Return at the next message."""
    while await subscription.get_message(timeout=5) is None:
        pass


def _now() -> datetime:
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
