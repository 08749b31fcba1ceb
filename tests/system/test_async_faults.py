"""Processes and stores die while jobs wait for their webhooks: each of them ends, and was ordered once."""

import asyncio
from typing import Any

import pytest
from redis import Redis

from tests.system.client import Jobs, VendorControl, until
from tests.system.running import Gateway
from tests.system.test_async_jobs import webhooks

pytestmark = pytest.mark.system

COUNT = 30


async def ordered(jobs: Jobs, vendor: VendorControl, after: float, **plan: Any) -> list[str]:
    """Jobs that their vendor has taken and will tell of in `after` seconds."""
    request_ids = await jobs.submit_many(COUNT, webhooks({"after": after, **plan}), vendor="async")

    async def all_taken() -> bool:
        calls = await vendor.calls_of(request_ids)
        return [call.get("answered") for call in calls] == [202] * COUNT

    await until(all_taken)
    return request_ids


async def assert_all_told(jobs: Jobs, vendor: VendorControl, request_ids: list[str]) -> None:
    ended = await jobs.all_ended(request_ids)
    assert {job["status"] for job in ended} == {"complete"}
    assert await vendor.effects(request_ids) == [1] * len(request_ids)


async def test_a_redis_that_forgets_everything_while_jobs_wait_loses_no_webhook(
    victim: Gateway, victims_jobs: Jobs, victims_vendor: VendorControl
) -> None:
    """Slow: an event that Redis forgot is looked for 5 s after it was stored."""
    request_ids = await ordered(victims_jobs, victims_vendor, 0.5)
    with Redis.from_url(victim.address("GATEWAY_REDIS_URL")) as redis:
        redis.flushall()
        await asyncio.sleep(0.52)  # in the midst of the webhooks
        redis.flushall()
    await assert_all_told(victims_jobs, victims_vendor, request_ids)


async def test_workers_that_die_while_jobs_wait_repeat_no_call(
    victim: Gateway, victims_jobs: Jobs, victims_vendor: VendorControl
) -> None:
    request_ids = await ordered(victims_jobs, victims_vendor, 1)
    for name in ("worker-1", "worker-2"):
        victim.kill(name)
    await assert_all_told(victims_jobs, victims_vendor, request_ids)
    assert len(await victims_vendor.calls_of(request_ids)) == COUNT


async def test_a_webhook_is_not_acknowledged_while_mongodb_is_away_and_comes_again(
    victim: Gateway, victims_jobs: Jobs, victims_vendor: VendorControl
) -> None:
    """Slow: MongoDB hangs until the vendor has been refused."""
    request_ids = await ordered(victims_jobs, victims_vendor, 0.5)

    async def refused() -> bool:
        return 503 in [delivery.get("answered") for delivery in await victims_vendor.deliveries(request_ids[0])]

    with victim.frozen("mongod"):
        await until(refused)
    await assert_all_told(victims_jobs, victims_vendor, request_ids)
    answers = [await victims_vendor.told(request_id) for request_id in request_ids]
    assert all(answer[-1] in {200, 202} for answer in answers)  # 200: it had been stored, and the answer was lost


async def test_a_webhook_that_finds_nobody_comes_again(
    victim: Gateway, victims_jobs: Jobs, victims_vendor: VendorControl
) -> None:
    """Slow: the API is started again in between."""
    request_ids = await ordered(victims_jobs, victims_vendor, 0.5)
    victim.kill("api")
    answers = [await victims_vendor.told(request_id) for request_id in request_ids]
    assert {answer[0] for answer in answers} <= {"refused", "cut"}
    assert {answer[-1] for answer in answers} <= {200, 202}
    await assert_all_told(victims_jobs, victims_vendor, request_ids)


async def test_a_frozen_redis_delays_no_acknowledgement(
    victim: Gateway, victims_jobs: Jobs, victims_vendor: VendorControl
) -> None:
    request_ids = await ordered(victims_jobs, victims_vendor, 0.5)
    with victim.frozen("redis"):
        answers = [await victims_vendor.told(request_id) for request_id in request_ids]
    assert answers == [[202]] * COUNT
    await assert_all_told(victims_jobs, victims_vendor, request_ids)
