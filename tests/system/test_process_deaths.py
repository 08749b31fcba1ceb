"""Workers and the API are killed, stopped and frozen at work: every accepted job ends, and is done once."""

import asyncio
import os
import signal
from typing import Any

import pytest

from tests.system.client import Jobs, VendorControl, until
from tests.system.running import Gateway, runs

pytestmark = pytest.mark.system

CALLS = 20


def slow(seconds: float) -> dict[str, Any]:
    """The vendor acts at once and answers late; asked again, it answers at once."""
    return {"simulate": {"mode": "slow", "seconds": seconds, "times": 1}}


def outcomes(job: dict[str, Any]) -> list[tuple[str, bool]]:
    return [(attempt["outcome"], attempt["counted"]) for attempt in job["attempts"]]


async def in_flight(jobs: Jobs, vendor: VendorControl, count: int, seconds: float) -> list[str]:
    """Jobs whose calls the vendor has got and will not answer for some time."""
    request_ids = await jobs.submit_many(count, slow(seconds))

    async def all_called() -> bool:
        return await vendor.in_flight(request_ids) == count

    await until(all_called)
    return request_ids


async def worker_of(jobs: Jobs, request_id: str) -> str:
    """The name of the process that runs a job: the timeline says `host:name:suffix`."""
    return str((await jobs.show(request_id))["attempts"][-1]["worker"]).split(":")[1]


async def test_calls_in_flight_at_a_workers_death_are_made_again_under_the_same_keys(
    victim: Gateway, victims_jobs: Jobs, victims_vendor: VendorControl
) -> None:
    """Slow: nobody knows of the death before the lease is over."""
    request_ids = await in_flight(victims_jobs, victims_vendor, CALLS, 2)
    victim.kill(await worker_of(victims_jobs, request_ids[0]))
    ended = await victims_jobs.all_ended(request_ids)
    assert {job["status"] for job in ended} == {"complete"}
    assert all("error" not in job for job in ended)
    orphans = [job for job in ended if outcomes(job) != [("done", True)]]
    assert orphans
    assert all(outcomes(job) == [("crashed", False), ("done", True)] for job in orphans)
    assert len(await victims_vendor.calls_of(request_ids)) == CALLS + len(orphans)
    assert await victims_vendor.effects(request_ids) == [1] * CALLS


async def test_a_worker_that_slept_past_its_lease_changes_nothing_when_it_wakes(
    victim: Gateway, victims_jobs: Jobs, victims_vendor: VendorControl
) -> None:
    """Slow: it sleeps until the other worker has taken over, which is a lease's length."""
    request_ids = await in_flight(victims_jobs, victims_vendor, CALLS, 1)
    with victim.frozen(await worker_of(victims_jobs, request_ids[0])):
        ended = await victims_jobs.all_ended(request_ids)
    assert {job["status"] for job in ended} == {"complete"}
    later = await victims_jobs.submit_many(CALLS)  # what the waking worker does, it has done by the end of these
    await victims_jobs.all_ended(later)
    assert [await victims_jobs.show(job["request_id"]) for job in ended] == ended
    assert await victims_vendor.effects(request_ids) == [1] * CALLS


async def test_a_worker_that_is_told_to_stop_finishes_its_calls_and_costs_no_job_an_attempt(
    victim: Gateway, victims_jobs: Jobs, victims_vendor: VendorControl
) -> None:
    request_ids = await in_flight(victims_jobs, victims_vendor, CALLS, 0.5)
    os.kill(victim.pid(await worker_of(victims_jobs, request_ids[0])), signal.SIGTERM)
    request_ids += await victims_jobs.submit_many(CALLS, slow(0.5))
    ended = await victims_jobs.all_ended(request_ids)
    assert [(job["status"], outcomes(job)) for job in ended] == [("complete", [("done", True)])] * 2 * CALLS
    assert len(await victims_vendor.calls_of(request_ids)) == 2 * CALLS


async def test_what_the_api_accepted_before_its_death_ends_and_what_it_did_not_answer_may_be_repeated(
    victim: Gateway, victims_jobs: Jobs, victims_vendor: VendorControl
) -> None:
    accepted: list[str] = []

    async def submit(number: int) -> None:
        accepted.append(await victims_jobs.insist(f"death-{number}"))
        if len(accepted) == 50:
            victim.kill("api")

    await asyncio.gather(*(submit(number) for number in range(300)))
    assert len(set(accepted)) == 300
    ended = await victims_jobs.all_ended(accepted)
    assert {job["status"] for job in ended} == {"complete"}
    assert await victims_vendor.effects(accepted) == [1] * 300


async def test_what_a_killed_command_left_running_is_stopped_in_order_by_the_next_start(
    victim: Gateway, victims_jobs: Jobs, victims_vendor: VendorControl
) -> None:
    """Slow: starts everything once more, and first lets calls end that outlast the command's own start."""
    request_ids = await in_flight(victims_jobs, victims_vendor, CALLS, 2.5)
    left = victim.pids()
    victim.kill("up")
    victim.start()
    assert [name for name, pid in left.items() if runs(pid)] == []
    ended = await victims_jobs.all_ended(request_ids)
    assert [(job["status"], outcomes(job)) for job in ended] == [("complete", [("done", True)])] * CALLS
