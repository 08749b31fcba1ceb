"""What every `JobIntake` and `JobReader` promises: held by the fake that tests use and by the real stores alike."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from domain import transitions
from domain.errors import KeyReused
from domain.jobs import Job, Status
from domain.outcomes import Done
from domain.ports import JobFilter, JobIntake, JobReader
from domain.request_ids import new_request_id
from domain.vendors import VendorPolicy
from tests.fakes import FakeJobs
from tests.stores import Stores
from tests.strategies import NOON, a_job

RULES = transitions.Rules(VendorPolicy())


@dataclass(frozen=True)
class Ports:
    intake: JobIntake
    reader: JobReader
    move: Callable[[Job, Job], Awaitable[None]]  # what a worker does: write the next state, and tell

    async def submit(self, **fields: object) -> Job:
        return (await self.intake.take_in(a_job(**fields))).job


@pytest.fixture
def fake_ports() -> Ports:
    jobs = FakeJobs()

    async def put(_: Job, after: Job) -> None:
        await jobs.put(after)

    return Ports(jobs, jobs, put)


@pytest.fixture
async def real_ports(stores: Stores) -> Ports:
    async def write(before: Job, after: Job) -> None:
        assert await stores.store.compare_and_set([(before, after)]) == [True]
        await stores.queue.tell([str(after.id)])

    return Ports(stores.intake, stores.reader, write)


@pytest.fixture(params=["fake_ports", "real_ports"])
def ports(request: pytest.FixtureRequest) -> Ports:
    found: Ports = request.getfixturevalue(request.param)
    return found


def ended(job: Job) -> Job:
    begun = transitions.start(transitions.signed(job, "t"), worker="w", key="k", now=NOON)
    return transitions.settle(begun, Done('{"a":1}', 200), RULES, NOON).model_copy(update={"epoch": job.epoch + 1})


async def test_what_was_taken_in_is_found_by_its_owner_and_by_an_admin_only(ports: Ports) -> None:
    job = await ports.submit(client="acme")
    assert await ports.reader.find(job.id, "acme") == job
    assert await ports.reader.find(job.id, None) == job
    assert await ports.reader.find(job.id, "other") is None
    assert await ports.reader.find(new_request_id(), None) is None


async def test_repeating_a_key_answers_with_the_first_job(ports: Ports) -> None:
    first = await ports.submit(idempotency_key="k", fingerprint="f")
    again = await ports.intake.take_in(a_job(idempotency_key="k", fingerprint="f"))
    assert (again.replayed, again.job.id) == (True, first.id)
    with pytest.raises(KeyReused):
        await ports.submit(idempotency_key="k", fingerprint="g")


async def test_a_key_is_looked_up_without_storing_anything(ports: Ports) -> None:
    first = await ports.submit(idempotency_key="k", fingerprint="f")
    found = await ports.intake.replay("acme", "k", "f")
    assert found is not None
    assert (found.replayed, found.job.id) == (True, first.id)
    assert await ports.intake.replay("other", "k", "f") is None
    assert await ports.intake.replay("acme", "new", "f") is None
    with pytest.raises(KeyReused):
        await ports.intake.replay("acme", "k", "g")


async def test_many_are_found_in_the_order_asked_with_gaps_for_the_unknown(ports: Ports) -> None:
    one, two = await ports.submit(), await ports.submit()
    groups = ports.reader.find_many([two.id, new_request_id(), one.id], "acme")
    assert [job and job.id async for group in groups for job in group] == [two.id, None, one.id]


async def test_a_list_is_newest_first_filtered_and_cut(ports: Ports) -> None:
    jobs = [await ports.submit(vendor=vendor) for vendor in ("sync", "other", "sync", "sync")]
    await ports.submit(client="stranger")
    mine = [job.id for job in await ports.reader.list(JobFilter(owner="acme"))]
    assert mine == [job.id for job in reversed(jobs)]
    page = await ports.reader.list(JobFilter(owner="acme", vendor="sync", limit=2, before=jobs[3].id))
    assert [job.id for job in page] == [jobs[2].id, jobs[0].id]
    assert await ports.reader.list(JobFilter(owner="acme", status=Status.COMPLETE)) == []
    assert await ports.reader.list(JobFilter(owner="acme", created_after=NOON + timedelta(seconds=1))) == []
    assert len(await ports.reader.list(JobFilter(owner=None))) == 5


async def test_who_waits_hears_of_the_end(ports: Ports) -> None:
    job = await ports.submit()
    waiting = asyncio.create_task(ports.reader.wait_until_ended(job.id, "acme", 20))
    await asyncio.sleep(0)
    await ports.move(job, ended(job))
    found = await waiting
    assert found is not None
    assert (found.status, found.result) == (Status.COMPLETE, '{"a":1}')


async def test_who_waits_in_vain_gets_the_job_as_it_stands(ports: Ports) -> None:
    job = await ports.submit()
    assert await ports.reader.wait_until_ended(job.id, "acme", 0.01) == job
    assert await ports.reader.wait_for_change(job, 0.01) == job


async def test_who_waits_for_a_change_hears_of_the_first(ports: Ports) -> None:
    job = await ports.submit()
    waiting = asyncio.create_task(ports.reader.wait_for_change(job, 20))
    await asyncio.sleep(0)
    begun = transitions.start(transitions.signed(job, "t"), worker="w", key="k", now=NOON)
    await ports.move(job, begun)
    assert (await waiting).status is Status.PROCESSING
