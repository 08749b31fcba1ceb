"""What a job says of its vendor: where it stands, until when, and what of it the tag leaves out."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from httpx import AsyncClient

from domain.breakers import BreakerLook, BreakerState
from domain.jobs import Job, Status
from domain.vendor_states import Recent, VendorState
from domain.vendors import VendorPolicy
from tests.api.samples import ended, pending_job
from tests.fakes import FakeJobs, FakeVendorStates


@pytest.fixture
def vendor(vendor_states: FakeVendorStates) -> VendorState:
    """One that is open and starts two calls a second."""
    state = VendorState("sync", VendorPolicy(), datetime.now(UTC), recent=Recent(starts_per_second=2.0), due=61)
    vendor_states.states["sync"] = state
    return state


@pytest.fixture
async def job(jobs: FakeJobs, vendor_states: FakeVendorStates) -> Job:
    """A due job with sixty ahead of it."""
    job = pending_job()
    await jobs.put(job)
    vendor_states.places[job.id] = 60
    return job


def in_seconds(text: str) -> float:
    return (datetime.fromisoformat(text) - datetime.now(UTC)).total_seconds()


async def test_a_queued_job_says_when_its_turn_comes(client: AsyncClient, job: Job, vendor: VendorState) -> None:
    shown = (await client.get(f"/jobs/{job.id}")).json()
    assert shown["stage"] == "queued"
    assert in_seconds(shown["estimated_start"]) == pytest.approx(30, abs=1)
    assert "waiting_until" not in shown


async def test_a_job_of_a_closed_vendor_says_until_when_and_when_to_ask_again(
    client: AsyncClient, job: Job, vendor: VendorState, vendor_states: FakeVendorStates
) -> None:
    closed_until = vendor.at + timedelta(seconds=20)
    vendor_states.states["sync"] = replace(vendor, closed_until=closed_until)
    answer = await client.get(f"/jobs/{job.id}")
    assert answer.json()["stage"] == "rate_limited"
    assert datetime.fromisoformat(answer.json()["waiting_until"]) == closed_until
    assert in_seconds(answer.json()["estimated_start"]) == pytest.approx(50, abs=1)
    assert 15 <= int(answer.headers["retry-after"]) <= 20


async def test_a_job_of_a_vendor_whose_breaker_is_open_says_so_and_until_when(
    client: AsyncClient, job: Job, vendor: VendorState, vendor_states: FakeVendorStates
) -> None:
    until = vendor.at + timedelta(seconds=20)
    vendor_states.states["sync"] = replace(vendor, breaker=BreakerLook(BreakerState.OPEN, until, 5))
    answer = await client.get(f"/jobs/{job.id}")
    assert (answer.json()["status"], answer.json()["stage"]) == ("pending", "circuit_open")
    assert datetime.fromisoformat(answer.json()["waiting_until"]) == until
    assert "estimated_start" not in answer.json()
    assert 15 <= int(answer.headers["retry-after"]) <= 20


async def test_a_job_of_a_paused_vendor_promises_nothing(
    client: AsyncClient, job: Job, vendor: VendorState, vendor_states: FakeVendorStates
) -> None:
    vendor_states.states["sync"] = replace(vendor, paused=True)
    shown = (await client.get(f"/jobs/{job.id}")).json()
    assert shown["stage"] == "vendor_paused"
    assert not {"waiting_until", "estimated_start"} & set(shown)


async def test_lists_say_the_same(
    client: AsyncClient, job: Job, vendor: VendorState, vendor_states: FakeVendorStates
) -> None:
    for path in ("/jobs", f"/jobs?ids={job.id}"):
        (shown,) = (await client.get(path)).json()["items"]
        assert in_seconds(shown["estimated_start"]) == pytest.approx(30, abs=1)


async def test_what_moves_leaves_the_tag_as_it_is_and_the_tag_is_weak(
    client: AsyncClient, job: Job, vendor: VendorState, vendor_states: FakeVendorStates
) -> None:
    held = replace(vendor, closed_until=vendor.at + timedelta(seconds=20))
    vendor_states.states["sync"] = held
    tag = (await client.get(f"/jobs/{job.id}")).headers["etag"]
    assert tag.startswith('W/"')
    vendor_states.places[job.id] = 5
    vendor_states.states["sync"] = replace(held, closed_until=vendor.at + timedelta(seconds=25))
    same = await client.get(f"/jobs/{job.id}", headers={"If-None-Match": tag})
    assert (same.status_code, same.headers["etag"]) == (304, tag)
    vendor_states.states["sync"] = replace(vendor, paused=True)
    assert (await client.get(f"/jobs/{job.id}", headers={"If-None-Match": tag})).json()["stage"] == "vendor_paused"


async def test_what_does_not_move_has_a_strong_tag(client: AsyncClient, job: Job, jobs: FakeJobs) -> None:
    assert (await client.get(f"/jobs/{job.id}")).headers["etag"].startswith('"')
    await jobs.put(ended(job))
    assert (await client.get(f"/jobs/{job.id}")).headers["etag"].startswith('"')


async def test_who_waits_with_a_tag_is_answered_by_the_next_change_and_not_by_an_estimate(
    client: AsyncClient, job: Job, jobs: FakeJobs, vendor: VendorState, vendor_states: FakeVendorStates
) -> None:
    tag = (await client.get(f"/jobs/{job.id}")).headers["etag"]
    headers = {"If-None-Match": tag, "Prefer": "wait=20"}
    vendor_states.places[job.id] = 5
    asking = asyncio.create_task(client.get(f"/jobs/{job.id}", headers=headers))
    await jobs.waiting.wait()
    assert not asking.done()
    await jobs.put(job.model_copy(update={"status": Status.PROCESSING, "epoch": 1}))
    assert (await asking).json()["stage"] == "calling_vendor"
    waited = await client.get(f"/jobs/{job.id}", headers={"If-None-Match": tag, "Prefer": "wait=0"})
    assert waited.status_code == 200


async def test_without_the_vendors_state_the_job_is_shown_all_the_same(
    client: AsyncClient, job: Job, vendor: VendorState, vendor_states: FakeVendorStates
) -> None:
    vendor_states.down = True
    answer = await client.get(f"/jobs/{job.id}")
    assert (answer.status_code, answer.json()["stage"]) == (200, "queued")
    assert "estimated_start" not in answer.json()
    assert len((await client.get("/jobs")).json()["items"]) == 1


async def test_a_job_that_runs_or_has_ended_costs_no_question(
    client: AsyncClient, job: Job, jobs: FakeJobs, vendor: VendorState, vendor_states: FakeVendorStates
) -> None:
    for going_on in (ended(job), job.model_copy(update={"status": Status.PROCESSING, "epoch": 1})):
        await jobs.put(going_on)
        await client.get(f"/jobs/{job.id}")
        await client.get("/jobs")
    assert vendor_states.questions == 0


async def test_where_nobody_stands_in_line_no_place_is_asked_for(
    client: AsyncClient, job: Job, vendor: VendorState, vendor_states: FakeVendorStates
) -> None:
    vendor_states.states["sync"] = replace(vendor, due=0)
    shown = (await client.get(f"/jobs/{job.id}")).json()
    assert in_seconds(shown["estimated_start"]) == pytest.approx(0, abs=1)
    assert vendor_states.questions == 1
    vendor_states.states["sync"] = replace(vendor, due=0, policy=VendorPolicy(concurrency=5))
    await client.get(f"/jobs/{job.id}")
    assert vendor_states.questions == 3


async def test_a_scheduled_job_is_not_ranked(
    client: AsyncClient, jobs: FakeJobs, vendor: VendorState, vendor_states: FakeVendorStates
) -> None:
    vendor_states.states["sync"] = replace(vendor, due=0)
    scheduled = pending_job(run_at=datetime.now(UTC) + timedelta(hours=1))
    await jobs.put(scheduled)
    shown = (await client.get(f"/jobs/{scheduled.id}")).json()
    assert shown["stage"] == "scheduled"
    assert shown["estimated_start"] == shown["waiting_until"] == shown["run_at"]
    assert vendor_states.questions == 1
