"""Redis and MongoDB freeze, die and forget under load: what was accepted ends, and is done once."""

import asyncio
import time
from collections.abc import Callable

import pytest
from redis import Redis

from tests.system.client import Jobs, VendorControl, until
from tests.system.running import Gateway

pytestmark = pytest.mark.system

LEASE_SECONDS = 1  # as the gateway of these tests is told
PROMPT_SECONDS = 15  # each of fifty that waited in turn for the hung store would take half a second


async def insist_on(jobs: Jobs, name: str, count: int, fault: Callable[[], None] = lambda: None) -> list[str]:
    """Submit under keys, and bring the fault about when a third of the jobs were accepted."""
    accepted: list[str] = []

    async def submit(number: int) -> None:
        accepted.append(await jobs.insist(f"{name}-{number}"))
        if len(accepted) == count // 3:
            fault()

    await asyncio.gather(*(submit(number) for number in range(count)))
    assert len(set(accepted)) == count
    return accepted


async def assert_all_done_once(jobs: Jobs, vendor: VendorControl, request_ids: list[str]) -> None:
    ended = await jobs.all_ended(request_ids)
    assert {job["status"] for job in ended} == {"complete"}
    assert await vendor.effects(request_ids) == [1] * len(request_ids)


async def test_a_frozen_redis_delays_no_acceptance_and_no_look(
    victim: Gateway, victims_jobs: Jobs, victims_vendor: VendorControl
) -> None:
    with victim.frozen("redis"):
        begun = time.monotonic()
        request_ids = await victims_jobs.submit_many(50)
        assert {(await victims_jobs.show(request_id))["stage"] for request_id in request_ids} == {"queued"}
        assert time.monotonic() - begun < PROMPT_SECONDS
        health = await victims_jobs.http.get("/health/redis")
        assert health.status_code == 503
    await assert_all_done_once(victims_jobs, victims_vendor, request_ids)


async def test_calls_that_outlast_their_lease_while_redis_hangs_are_neither_cut_nor_repeated(
    victim: Gateway, victims_jobs: Jobs, victims_vendor: VendorControl
) -> None:
    """Slow: Redis hangs for twice the lease."""
    payload = {"simulate": {"mode": "slow", "seconds": 3 * LEASE_SECONDS, "times": 1}}
    request_ids = await victims_jobs.submit_many(20, payload)

    async def all_called() -> bool:
        return await victims_vendor.in_flight(request_ids) == 20

    await until(all_called)
    with victim.frozen("redis"):
        await asyncio.sleep(2 * LEASE_SECONDS)
    await assert_all_done_once(victims_jobs, victims_vendor, request_ids)
    assert len(await victims_vendor.calls_of(request_ids)) == 20


async def test_what_a_killed_redis_had_not_written_yet_is_found_again(
    victim: Gateway, victims_jobs: Jobs, victims_vendor: VendorControl
) -> None:
    """Slow: what Redis lost is looked for 5 s after it was stored."""
    request_ids = await insist_on(victims_jobs, "redis-death", 300, lambda: victim.kill("redis"))
    await assert_all_done_once(victims_jobs, victims_vendor, request_ids)


async def test_a_redis_that_forgets_everything_under_load_loses_no_job_and_doubles_none(
    victim: Gateway, victims_jobs: Jobs, victims_vendor: VendorControl
) -> None:
    """Slow: what Redis lost is looked for 5 s after it was stored."""
    payload = {"simulate": {"mode": "slow", "seconds": 0.5, "times": 1}}
    request_ids = await victims_jobs.submit_many(250, payload)  # more than the slots of both workers: some are queued
    with Redis.from_url(victim.address("GATEWAY_REDIS_URL")) as redis:
        redis.flushall()
    request_ids += await victims_jobs.submit_many(50)
    await assert_all_done_once(victims_jobs, victims_vendor, request_ids)
    assert len(await victims_vendor.calls_of(request_ids)) == 300


async def test_a_frozen_mongodb_is_waited_for_or_told_of_and_loses_nothing(
    victim: Gateway, victims_jobs: Jobs, victims_vendor: VendorControl
) -> None:
    """Slow: MongoDB hangs for 3 s, several times what a lease lasts, while calls end."""
    payload = {"simulate": {"mode": "slow", "seconds": 1, "times": 1}}
    running = await victims_jobs.submit_many(20, payload)

    async def all_called() -> bool:
        return await victims_vendor.in_flight(running) == 20

    await until(all_called)
    with victim.frozen("mongod"):
        posting = asyncio.create_task(insist_on(victims_jobs, "mongo-hangs", 50))
        await asyncio.sleep(3)
    await assert_all_done_once(victims_jobs, victims_vendor, [*running, *await posting])


async def test_a_killed_mongodb_forgets_nothing_that_was_accepted(
    victim: Gateway, victims_jobs: Jobs, victims_vendor: VendorControl
) -> None:
    request_ids = await insist_on(victims_jobs, "mongo-death", 300, lambda: victim.kill("mongod"))
    await assert_all_done_once(victims_jobs, victims_vendor, request_ids)
