"""
arq's twenty traps, as `docs/reliability.md` numbers them: here are those that no other test shows to be harmless.

Where it makes sense the real arq 0.28 runs into the trap first.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import arq
import pytest

from domain.backoff import Backoff
from domain.infra.queue import ROW_LIFETIME
from domain.infra.redis import ANSWER_SECONDS, RedisClient, open_redis
from domain.jobs import Job, Priority, Status
from domain.outcomes import Done, Outcome
from domain.ports import Queued
from domain.request_ids import new_request_id
from domain.vendors import Call
from tests.stores import LANE, ScriptedVendor, Stores
from tests.worker.test_plain_arq import queued, run_plain_arq
from worker.plain_arq import FOR_EVER, arq_function
from worker.sweep import Sweep
from worker.worker import worker_name

pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated close")  # arq 0.28 with redis-py 5

Spoil = Callable[[RedisClient, Job], Awaitable[object]]


def due(seconds: float = -1) -> Queued:
    due_at = datetime.now(UTC) + timedelta(seconds=seconds)
    return Queued(new_request_id(), "sync", Priority.NORMAL, due_at, "acme")


def test_the_arq_and_the_redis_client_that_all_this_was_tried_with_are_pinned() -> None:
    assert version("arq") == "0.28.0"
    assert int(version("redis").split(".")[0]) < 6  # arq 0.28 breaks with 6


async def test_1_and_2_what_is_claimed_no_longer_stands_at_the_head_of_the_queue(stores: Stores) -> None:
    """There arq would read it at every poll, and all workers together no further than `queue_read_limit`."""
    await stores.queue.enqueue([due() for _ in range(300)])
    first = await stores.queue.claim("sync", 200, "t:1")
    head = await stores.redis.zrangebyscore(LANE, "-inf", datetime.now(UTC).timestamp() * 1000)
    assert (len(first.leases), len(head)) == (200, 100)
    second = await stores.queue.claim("sync", 100, "t:2")
    assert {lease.request_id.encode() for lease in second.leases} == set(head)


async def test_3_a_worker_takes_the_next_job_when_a_slot_is_free_and_waits_for_no_poll(stores: Stores) -> None:
    vendor = ScriptedVendor()
    async with stores.worker(vendor), asyncio.timeout(15):  # ten slots; a poll for each ten would take 50 s
        jobs = await asyncio.gather(*(stores.submit() for _ in range(100)))
        await asyncio.gather(*(stores.ended(job) for job in jobs))
    assert len(vendor.calls) == 100


async def test_7_a_row_outlives_any_backlog_and_arqs_own_does_not(stores: Stores, redis_database_url: str) -> None:
    later = due(timedelta(days=3).total_seconds())
    await stores.queue.enqueue([later])
    ours = await stores.redis.pttl(f"arq:job:{later.request_id}")
    pool = await arq.create_pool(arq.connections.RedisSettings.from_dsn(redis_database_url))
    assert await pool.enqueue_job("f", _job_id="arqs")
    theirs = await pool.pttl("arq:job:arqs")
    await pool.aclose()
    assert timedelta(milliseconds=ours) > ROW_LIFETIME + timedelta(days=2)
    assert timedelta(milliseconds=theirs) <= timedelta(days=1)


async def test_8_no_result_is_left_that_would_hinder_the_id_from_being_queued_again(
    stores: Stores, redis_database_url: str
) -> None:
    job = await stores.submit()
    await queued(stores, 1)
    await run_plain_arq(stores, ScriptedVendor(), redis_database_url)
    assert await stores.redis.keys("arq:result:*") == []
    assert await stores.queue.enqueue([Queued.of(job)]) == 1


async def test_9_arqs_count_of_starts_ends_no_job(stores: Stores, redis_database_url: str) -> None:
    job = await stores.submit()
    await queued(stores, 1)
    await stores.redis.set(f"arq:retry:{job.id}", 500)  # denials and stops of a hundred days
    await run_plain_arq(stores, ScriptedVendor(), redis_database_url)
    done = await stores.look(job)
    assert (done.status, done.tries) == ("complete", 1)


async def test_10_an_adapters_bug_is_tried_again_under_plain_arq_too(stores: Stores, redis_database_url: str) -> None:
    answers: list[Exception | Outcome] = [RuntimeError("a bug"), Done("1")]

    async def answer(call: Call) -> Outcome:
        match answers.pop(0):
            case Exception() as bug:
                raise bug
            case outcome:
                return outcome

    job = await stores.submit()
    await queued(stores, 1)
    plain = await run_plain_arq(stores, ScriptedVendor(answer, backoff=Backoff(0.01, 0.01)), redis_database_url)
    assert plain.jobs_retried == 1  # with a delay: plain `Retry()` would spin
    assert (await stores.look(job)).status == "complete"


async def row_is_gone(redis: RedisClient, job: Job) -> None:
    await redis.delete(f"arq:job:{job.id}")


async def function_is_unknown(redis: RedisClient, job: Job) -> None:
    await redis.set(f"arq:job:{job.id}", '{"t":null,"f":"no.such","a":[],"k":{},"et":0}')


async def row_is_garbage(redis: RedisClient, job: Job) -> None:
    await redis.set(f"arq:job:{job.id}", b"\x80\x04garbage")


async def tries_are_used_up(redis: RedisClient, job: Job) -> None:
    await redis.set(f"arq:retry:{job.id}", FOR_EVER)


@pytest.mark.parametrize("spoil", [row_is_gone, function_is_unknown, row_is_garbage, tries_are_used_up])
async def test_6_11_and_12_what_arq_drops_without_a_word_is_queued_again_by_the_sweep(
    stores: Stores, redis_database_url: str, spoil: Spoil
) -> None:
    job = await stores.submit(sweep_at=datetime.now(UTC))
    await queued(stores, 1)
    await spoil(stores.redis, job)
    vendor = ScriptedVendor()
    plain = await run_plain_arq(stores, vendor, redis_database_url)
    assert (plain.jobs_failed, vendor.calls) == (1, [])
    assert await stores.redis.zcard(LANE) == 0
    await Sweep(stores.station(vendor)).once()
    async with stores.worker(vendor):
        assert (await stores.ended(job)).status == "complete"


async def test_6_arqs_word_that_a_job_expired_overwrites_no_success(stores: Stores, redis_database_url: str) -> None:
    vendor = ScriptedVendor()
    job = await stores.submit()
    async with stores.worker(vendor):
        done = await stores.ended(job)
    await stores.redis.zadd(LANE, {str(job.id): 1})  # as a `Retry` after a lost lock would leave it
    plain = await run_plain_arq(stores, vendor, redis_database_url)
    assert plain.jobs_failed == 1
    assert await stores.look(job) == done
    assert len(vendor.calls) == 1


@pytest.mark.parametrize("spoil", [row_is_gone, function_is_unknown, row_is_garbage, tries_are_used_up])
async def test_11_and_12_our_own_worker_does_not_read_the_row(stores: Stores, spoil: Spoil) -> None:
    job = await stores.submit()
    await queued(stores, 1)
    await spoil(stores.redis, job)
    async with stores.worker(ScriptedVendor()):
        assert (await stores.ended(job)).status == "complete"


async def test_13_a_plain_worker_is_given_no_hook() -> None:
    plain = arq.Worker([arq_function()], handle_signals=False)
    hooks = (plain.on_startup, plain.on_shutdown, plain.on_job_start, plain.on_job_end, plain.after_job_end)
    assert hooks == (None,) * 5


async def test_15_and_16_every_connection_of_ours_ends_a_hang(redis_database_url: str) -> None:
    async with open_redis(redis_database_url) as redis:
        kwargs = redis.connection_pool.connection_kwargs
    assert kwargs["socket_timeout"] == ANSWER_SECONDS
    assert kwargs["socket_connect_timeout"]
    assert kwargs["socket_keepalive"]
    assert kwargs["health_check_interval"]


async def test_17_after_the_word_to_stop_nothing_more_is_started(stores: Stores) -> None:
    full, go_on = asyncio.Event(), asyncio.Event()

    async def answer(call: Call) -> Outcome:
        if len(vendor.calls) == 10:
            full.set()
        await go_on.wait()
        return Done("1")

    vendor = ScriptedVendor(answer)
    jobs = [await stores.submit() for _ in range(15)]
    async with stores.worker(vendor) as worker:  # ten slots
        await full.wait()
        worker.stop()
        go_on.set()
    assert len(vendor.calls) == 10
    states = [(await stores.look(job)).status for job in jobs]
    assert (states.count(Status.COMPLETE), states.count(Status.PENDING)) == (10, 5)
    assert await stores.redis.zcard(LANE) == 5


async def test_18_an_id_in_arqs_abort_set_is_run_all_the_same(stores: Stores) -> None:
    job = await stores.submit()
    await stores.redis.zadd("arq:abort", {str(job.id): 0})
    async with stores.worker(ScriptedVendor()):
        assert (await stores.ended(job)).status == "complete"


async def test_19_two_workers_of_one_name_share_nothing_by_which_one_hides_the_others_death(stores: Stores) -> None:
    assert worker_name("w") != worker_name("w")
    async with stores.worker(ScriptedVendor()), stores.worker(ScriptedVendor()):
        await stores.ended(await stores.submit())
        assert await stores.redis.keys("*health-check*") == []


async def test_20_what_a_sweep_missed_is_found_by_the_next_however_late(stores: Stores) -> None:
    job = await stores.submit(sweep_at=datetime.now(UTC) - timedelta(days=3))
    await queued(stores, 1)
    await stores.redis.flushall()
    found = await Sweep(stores.station(ScriptedVendor())).once()
    assert found["queued_again"] == 1
    assert await stores.redis.zscore(LANE, str(job.id)) is not None
