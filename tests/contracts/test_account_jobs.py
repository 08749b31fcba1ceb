"""What every `JobsOfUser` promises, the fake and the real one alike; and that the sweep does what was promised."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from domain import transitions
from domain.accounts.ports import JobsOfUser
from domain.errors import Unavailable
from domain.infra.accounts.jobs import MongoJobsOfUser
from domain.infra.mongo import Database
from domain.infra.redactions import Redactions
from domain.jobs import Job
from domain.outcomes import Done
from domain.retention import Retention
from domain.submitted_fields import to_milliseconds
from domain.tombstones import bury
from domain.transitions import Rules, signed
from domain.vendors import VendorPolicy
from tests.fakes_accounts import FakeJobsOfUser
from tests.stores import Stores
from tests.strategies import NOON, a_job

ANN, BOB = "user:ann", "user:bob"
A_DAY = timedelta(days=1)
RULES = Rules(VendorPolicy())


@dataclass(frozen=True)
class Ports:
    jobs: JobsOfUser
    put: Callable[[Job], Awaitable[None]]
    look: Callable[[Job], Awaitable[Job]]


@pytest.fixture
def fake_ports() -> Ports:
    jobs = FakeJobsOfUser()

    async def put(job: Job) -> None:
        jobs.stored[job.id] = job

    async def look(job: Job) -> Job:
        return jobs.stored[job.id]

    return Ports(jobs, put, look)


@pytest.fixture
async def real_ports(stores: Stores) -> Ports:
    async def put(job: Job) -> None:
        await stores.database.jobs.insert_one(job.model_dump(by_alias=True, exclude_none=True))

    async def look(job: Job) -> Job:
        return (await stores.store.load([job.id]))[job.id]

    return Ports(MongoJobsOfUser(stores.database), put, look)


@pytest.fixture(params=["fake_ports", "real_ports"])
def ports(request: pytest.FixtureRequest) -> Ports:
    found: Ports = request.getfixturevalue(request.param)
    return found


def begun(job: Job) -> Job:
    return transitions.start(signed(job, "t"), worker="w", key="k", now=NOON)


def done(job: Job, rules: Rules = RULES) -> Job:
    return transitions.settle(begun(job), Done('"secret"'), rules, NOON)


async def test_all_jobs_of_the_client_are_marked_and_nobody_elses(ports: Ports) -> None:
    theirs = [done(a_job(client=ANN)), a_job(client=ANN), begun(a_job(client=ANN))]
    others = done(a_job(client=BOB))
    for job in (*theirs, others):
        await ports.put(job)
    assert await ports.jobs.forget(ANN, NOON) == 3
    assert [await ports.look(job) for job in theirs] == [job.model_copy(update={"redact_at": NOON}) for job in theirs]
    assert await ports.look(others) == others


async def test_what_was_forgotten_once_is_not_marked_again(ports: Ports) -> None:
    job = done(a_job(client=ANN))
    await ports.put(job)
    assert await ports.jobs.forget(ANN, NOON) == 1
    assert await ports.jobs.forget(ANN, NOON + A_DAY) == 0
    assert (await ports.look(job)).redact_at == NOON


async def test_a_job_that_was_to_be_redacted_later_is_at_once(ports: Ports) -> None:
    job = done(a_job(client=ANN), Rules(VendorPolicy(), Retention(redact_after=A_DAY)))
    await ports.put(job)
    assert await ports.jobs.forget(ANN, NOON) == 1
    assert (await ports.look(job)).redact_at == NOON


async def test_what_has_nothing_left_to_forget_is_left_alone(ports: Ports) -> None:
    buried, redacted = bury(done(a_job(client=ANN)), NOON), done(a_job(client=ANN, redacted_at=NOON))
    for job in (buried, redacted):
        await ports.put(job)
    assert await ports.jobs.forget(ANN, NOON) == 0


async def test_an_export_is_of_all_the_clients_jobs_the_oldest_first(ports: Ports) -> None:
    theirs = [done(a_job(client=ANN, payload='"p"')), a_job(client=ANN)]
    others, deleted = a_job(client=BOB), bury(done(a_job(client=ANN)), NOON)
    for job in (*theirs, others, deleted):
        await ports.put(job)
    assert [job async for job in ports.jobs.export(ANN)] == theirs
    assert [job async for job in ports.jobs.export('{"$gt": ""}')] == []


@pytest.mark.parametrize("bound", ["lot", "page", "largest_page"])
async def test_many_jobs_are_forgotten_and_exported_a_few_at_a_time(
    stores: Stores, real_ports: Ports, bound: str
) -> None:
    theirs = [a_job(client=ANN) for _ in range(5)]
    for job in theirs:
        await real_ports.put(job)
    jobs = MongoJobsOfUser(stores.database, **{bound: 2})
    assert [job.id async for job in jobs.export(ANN)] == [job.id for job in theirs]
    assert await jobs.forget(ANN, NOON) == 5


async def test_the_sweep_removes_what_was_forgotten(stores: Stores, real_ports: Ports) -> None:
    job, others = done(a_job(client=ANN, payload='"secret"')), done(a_job(client=BOB, payload='"secret"'))
    for each in (job, others):
        await real_ports.put(each)
    now = to_milliseconds(datetime.now(UTC))
    await real_ports.jobs.forget(ANN, now)
    assert await Redactions(stores.database, lambda _: False).redact_due(now, 10) == 1
    left = await real_ports.look(job)
    assert (left.payload, left.result, left.redacted_at) == ("", None, now)
    assert await real_ports.look(others) == others


@pytest.mark.parametrize("read_before", [True, False], ids=["by whom it was read before", "by whom it was read after"])
async def test_a_live_job_runs_to_its_end_and_is_forgotten_then(
    stores: Stores, real_ports: Ports, read_before: bool
) -> None:
    job = a_job(client=ANN, payload='"secret"')
    await real_ports.put(job)
    now = to_milliseconds(datetime.now(UTC))
    redactions = Redactions(stores.database, lambda _: False)
    await real_ports.jobs.forget(ANN, now)
    assert await redactions.redact_due(now, 10) == 0
    as_read = job if read_before else await real_ports.look(job)
    assert await stores.store.compare_and_set([(as_read, done(as_read))]) == [True]
    assert await redactions.redact_due(now, 10) == 1
    assert (await real_ports.look(job)).payload == ""


async def test_a_store_that_is_away_is_unavailable(nowhere: Database) -> None:
    fake = FakeJobsOfUser()
    fake.down = True
    for jobs in (fake, MongoJobsOfUser(nowhere)):
        with pytest.raises(Unavailable):
            await jobs.forget(ANN, NOON)
        with pytest.raises(Unavailable):
            _ = [job async for job in jobs.export(ANN)]
