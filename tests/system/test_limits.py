"""A vendor's limit over two workers, judged at the vendor's socket; a vendor that says "not now", or is paused."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import pytest
from redis import Redis

from loadtest.vendors.ledger import worst_window
from tests.system.client import Jobs, VendorControl
from tests.system.running import Gateway

pytestmark = pytest.mark.system

LIMIT = 20  # of the vendor "rated", a second


async def assert_kept(vendor: VendorControl, ended: Sequence[dict[str, Any]]) -> list[float]:
    """
    The limit held as the vendor saw it, and each job was called once. Answers when the calls came.

    On a machine that is too busy to start a call in time the call is given back, unsent: that may be on record.
    """
    assert {job["status"] for job in ended} == {"complete"}
    assert all(attempt["outcome"] == "released" for job in ended for attempt in job["attempts"][:-1])
    calls = await vendor.calls_of([job["request_id"] for job in ended])
    assert len(calls) == len(ended)
    times = sorted(call["at_monotonic"] for call in calls)
    assert worst_window(times, 1.0) <= LIMIT
    return times


async def test_a_limit_holds_in_every_second_and_no_job_is_called_in_vain(jobs: Jobs, vendor: VendorControl) -> None:
    """Slow: 60 jobs at 20 a second."""
    ended = await jobs.all_ended(await jobs.submit_many(60, vendor="rated"))
    times = await assert_kept(vendor, ended)
    assert 2 <= times[-1] - times[0] < 6  # two windows and a little, more on a busy machine: it is used, too


async def test_a_limit_outlasts_a_redis_that_forgets_everything(
    victim: Gateway, victims_jobs: Jobs, victims_vendor: VendorControl
) -> None:
    """Slow: what Redis lost is looked for 5 s after it was stored."""
    request_ids = await victims_jobs.submit_many(60, vendor="rated")
    with Redis.from_url(victim.address("GATEWAY_REDIS_URL")) as redis:
        for _ in range(3):
            await asyncio.sleep(0.35)
            redis.flushall()
            request_ids += await victims_jobs.submit_many(5, vendor="rated")
    await assert_kept(victims_vendor, await victims_jobs.all_ended(request_ids))


async def test_a_limit_outlasts_the_death_of_a_worker(
    victim: Gateway, victims_jobs: Jobs, victims_vendor: VendorControl
) -> None:
    request_ids = await victims_jobs.submit_many(60, vendor="rated")
    await asyncio.sleep(0.5)
    victim.kill("worker-1")
    ended = await victims_jobs.all_ended(request_ids)
    assert {job["status"] for job in ended} == {"complete"}
    calls = await victims_vendor.calls_of(request_ids)
    assert worst_window(sorted(call["at_monotonic"] for call in calls), 1.0) <= LIMIT


async def test_no_more_calls_run_at_once_than_the_vendor_takes(jobs: Jobs, vendor: VendorControl) -> None:
    request_ids = await jobs.submit_many(18, {"simulate": {"mode": "slow", "seconds": 0.2}}, vendor="narrow")
    await jobs.all_ended(request_ids)
    calls = sorted(await vendor.calls_of(request_ids), key=lambda call: call["at_monotonic"])
    edges = [(call["at_monotonic"], 1) for call in calls]
    edges += [(call["at_monotonic"] + call["seconds"], -1) for call in calls]
    running = most = 0
    for _, step in sorted(edges):
        running += step
        most = max(most, running)
    assert (len(calls), most) == (18, 3)


async def test_a_vendor_that_says_not_now_is_left_alone_by_the_whole_fleet(jobs: Jobs, vendor: VendorControl) -> None:
    """Slow: the vendor asks for two seconds."""
    throttled = await jobs.submit({"simulate": {"mode": "throttle", "retry_after": 2, "times": 1}}, vendor="throttling")
    await jobs.seen(throttled, lambda job: "waiting_until" in job)
    others = await jobs.submit_many(20, vendor="throttling")
    await jobs.all_ended([throttled, *others])
    first, *later = await vendor.calls_of([throttled, *others])
    quiet = [call["at"] - first["at"] for call in later]
    assert len(quiet) == 21
    assert min(quiet) >= 2


async def test_a_paused_vendor_is_not_called_until_it_is_resumed(
    gateway: Gateway, jobs: Jobs, vendor: VendorControl
) -> None:
    key = re.search(r"bootstrap key +(gwk_\S+)", gateway.said())
    assert key is not None
    admin = {"Authorization": f"Bearer {key[1]}"}
    assert (await jobs.http.post("/vendors/resting/pause", headers=admin)).status_code == 200
    request_ids = await jobs.submit_many(5, vendor="resting")
    paused = await jobs.seen(request_ids[0], lambda job: job.get("stage") == "vendor_paused")
    assert paused["status"] == "pending"
    await jobs.ended(await jobs.submit())  # everybody else goes on
    assert await vendor.calls_of(request_ids) == []
    assert (await jobs.http.post("/vendors/resting/resume", headers=admin)).status_code == 200
    assert {job["status"] for job in await jobs.all_ended(request_ids)} == {"complete"}


async def test_only_an_admin_pauses_a_vendor(jobs: Jobs) -> None:
    assert (await jobs.http.post("/vendors/resting/pause")).status_code in {401, 403}
