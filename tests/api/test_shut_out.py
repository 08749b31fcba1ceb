"""Who is shut out while they wait for a job: a lock or a revocation does not wait for them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from httpx import ASGITransport, AsyncClient, Response

from api.ports import ApiPorts
from domain.callers import Caller, Role
from domain.jobs import Job
from tests.api.apps import app_of
from tests.api.samples import BODY, ended, pending_job
from tests.fakes import FakeCallers, FakeJobs

WAIT = {"Prefer": "wait=20"}
RESULT = '"what the vendor said"'


@pytest.fixture
def callers() -> FakeCallers:
    return FakeCallers(acme=Caller("acme", Role.USER))


@pytest.fixture
async def acme(ports: ApiPorts, callers: FakeCallers) -> AsyncIterator[AsyncClient]:
    transport = ASGITransport(app_of(replace(ports, callers=callers)))  # type: ignore[arg-type]
    headers = {"Authorization": "Bearer acme"}
    async with AsyncClient(transport=transport, base_url="http://gateway.test", headers=headers) as client:
        yield client


async def stored(jobs: FakeJobs) -> Job:
    while not jobs.stored:
        await asyncio.sleep(0)
    return next(iter(jobs.stored.values()))


async def answered(asking: asyncio.Task[Response], callers: FakeCallers, jobs: FakeJobs) -> Response:
    """What they are told whose job ends when they are somebody no more."""
    job = await stored(jobs)
    for _ in range(10):  # it waits by now
        await asyncio.sleep(0)
    callers.forget()
    await jobs.put(ended(job, RESULT))
    async with asyncio.timeout(5):
        return await asking


async def test_who_waits_for_a_job_is_not_told_its_end(acme: AsyncClient, callers: FakeCallers, jobs: FakeJobs) -> None:
    job = pending_job()
    await jobs.put(job)
    answer = await answered(asyncio.create_task(acme.get(f"/jobs/{job.id}", headers=WAIT)), callers, jobs)
    assert (answer.status_code, RESULT in answer.text) == (401, False)


async def test_who_submitted_one_is_told_that_it_is_stored_and_no_more(
    acme: AsyncClient, callers: FakeCallers, jobs: FakeJobs
) -> None:
    """A refusal would have it submitted once more."""
    answer = await answered(asyncio.create_task(acme.post("/jobs", json=BODY, headers=WAIT)), callers, jobs)
    assert (answer.status_code, RESULT in answer.text) == (202, False)
    assert answer.headers["preference-applied"] == "wait=20"


async def test_who_is_still_in_is_told(acme: AsyncClient, jobs: FakeJobs) -> None:
    asking = asyncio.create_task(acme.post("/jobs", json=BODY, headers=WAIT))
    await jobs.put(ended(await stored(jobs), RESULT))
    async with asyncio.timeout(5):
        answer = await asking
    assert (answer.status_code, RESULT in answer.text) == (200, True)
