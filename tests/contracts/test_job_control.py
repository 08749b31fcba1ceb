"""What every `JobControl` promises: held by the fake that tests use and by the real stores alike."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain import transitions
from domain.callbacks import VENDOR as CALLBACKS
from domain.errors import Conflict, NotFound
from domain.infra.job_control import open_job_control
from domain.jobs import Job, Status
from domain.outcomes import Done, Failed, Waiting
from domain.ports import JobControl, JobFilter, JobIntake, JobReader, Replayed, ReplayFilter
from domain.redaction import redact
from domain.request_ids import new_request_id
from domain.retention import Retention
from domain.vendors import VendorPolicy
from tests.fake_control import FakeControl, FakeFollowUps
from tests.fakes import FakeJobs
from tests.stores import Stores
from tests.strategies import NOON, a_job

RULES = transitions.Rules(VendorPolicy())
REJECTED = Failed("vendor_rejected", "no", 400)


@dataclass(frozen=True)
class Ports:
    intake: JobIntake
    reader: JobReader
    control: JobControl
    move: Callable[[Job, Job], Awaitable[None]]  # what a worker does

    async def submit(self, **fields: object) -> Job:
        return (await self.intake.take_in(a_job(**fields))).job

    async def called(self, **fields: object) -> Job:
        """A job whose call is under way."""
        job = await self.submit(**fields)
        begun = transitions.start(transitions.signed(job, "t"), worker="w", key="k", now=NOON)
        await self.move(job, begun)
        return begun

    async def ended(self, outcome: Done | Failed = REJECTED, **fields: object) -> Job:
        begun = await self.called(**fields)
        after = transitions.settle(begun, outcome, RULES, NOON)
        await self.move(begun, after)
        return after

    async def find(self, request_id: UUID) -> Job:
        job = await self.reader.find(request_id, None)
        assert job is not None
        return job


@pytest.fixture
def fake_ports() -> Ports:
    jobs = FakeJobs()

    async def put(_: Job, after: Job) -> None:
        await jobs.put(after)

    return Ports(jobs, jobs, FakeControl(jobs), put)


@pytest.fixture
async def real_ports(stores: Stores) -> AsyncIterator[Ports]:
    async def write(before: Job, after: Job) -> None:
        assert await stores.store.compare_and_set([(before, after)]) == [True]
        if not after.ended:
            await stores.redis.set(f"arq:in-progress:{after.id}", "t")  # a worker holds it

    async with open_job_control(
        stores.database, stores.redis, stores.queue, FakeFollowUps(), retention=Retention()
    ) as control:
        yield Ports(stores.intake, stores.reader, control, write)


@pytest.fixture(params=["fake_ports", "real_ports"])
def ports(request: pytest.FixtureRequest) -> Ports:
    found: Ports = request.getfixturevalue(request.param)
    return found


async def test_a_pending_job_is_cancelled_at_once(ports: Ports) -> None:
    job = await ports.submit()
    cancelled = await ports.control.cancel(job.id, "acme")
    assert (cancelled.id, cancelled.status) == (job.id, Status.CANCELLED)
    assert (await ports.find(job.id)).status is Status.CANCELLED


async def test_a_running_job_is_cancelled_and_its_call_left_open(ports: Ports) -> None:
    job = await ports.called()
    await ports.control.cancel(job.id, "acme")
    found = await ports.find(job.id)
    assert (found.status, found.attempts[-1].ended_at) == (Status.CANCELLED, None)


async def test_a_job_that_waits_for_its_webhook_is_cancelled(ports: Ports) -> None:
    begun = await ports.called()
    waiting = transitions.settle(begun, Waiting("ref", NOON + timedelta(hours=1)), RULES, NOON)
    await ports.move(begun, waiting)
    assert (await ports.control.cancel(begun.id, "acme")).status is Status.CANCELLED


@pytest.mark.parametrize("outcome", [Done("{}", 200), REJECTED], ids=["complete", "failed"])
async def test_what_has_ended_cannot_be_cancelled(ports: Ports, outcome: Done | Failed) -> None:
    job = await ports.ended(outcome)
    with pytest.raises(Conflict, match=job.status.value):
        await ports.control.cancel(job.id, "acme")
    assert (await ports.find(job.id)).epoch == job.epoch


async def test_a_failed_job_is_run_once_more_as_a_new_generation(ports: Ports) -> None:
    job = await ports.ended()
    retried = await ports.control.retry(job.id, "acme")
    assert (retried.status, retried.generation, retried.error) == (Status.PENDING, 2, None)
    assert (await ports.find(job.id)).status is Status.PENDING


async def test_a_cancelled_job_is_run_once_more(ports: Ports) -> None:
    job = await ports.submit()
    await ports.control.cancel(job.id, "acme")
    assert (await ports.control.retry(job.id, "acme")).status is Status.PENDING


async def test_only_failed_and_cancelled_jobs_are_run_once_more(ports: Ports) -> None:
    for job in (await ports.submit(), await ports.called(), await ports.ended(Done("{}", 200))):
        with pytest.raises(Conflict, match=job.status.value):
            await ports.control.retry(job.id, "acme")


async def test_a_redacted_job_is_not_run_again_neither_alone_nor_with_others(ports: Ports) -> None:
    job = await ports.ended()
    await ports.move(job, redact(transitions.signed(job, "sweep"), NOON))
    with pytest.raises(Conflict, match="removed") as refused:
        await ports.control.retry(job.id, "acme")
    assert refused.value.code == "job-redacted"
    replayed = await ports.control.replay(ReplayFilter(job.vendor, Status.FAILED), dry_run=False)
    assert replayed == Replayed(matched=0, queued=0)
    await ports.control.delete(job.id, "acme")


async def test_while_a_call_is_under_way_its_cancelled_job_is_neither_retried_nor_deleted(ports: Ports) -> None:
    job = await ports.called()
    await ports.control.cancel(job.id, "acme")
    for change in (ports.control.retry, ports.control.delete):
        with pytest.raises(Conflict) as refused:
            await change(job.id, "acme")
        assert refused.value.code == "call-under-way"


async def test_a_deleted_job_is_found_nowhere(ports: Ports) -> None:
    job = await ports.ended(idempotency_key="k", fingerprint="f")
    await ports.control.delete(job.id, "acme")
    assert await ports.reader.find(job.id, None) is None
    assert await ports.reader.list(JobFilter(owner="acme")) == []
    assert [group async for group in ports.reader.find_many([job.id], "acme")] == [[None]]
    assert await ports.reader.wait_until_ended(job.id, "acme", 20) is None
    with pytest.raises(NotFound):
        await ports.reader.wait_for_change(job, 20)


async def test_nothing_more_can_be_done_to_a_deleted_job(ports: Ports) -> None:
    job = await ports.ended(idempotency_key="k", fingerprint="f")
    await ports.control.delete(job.id, "acme")
    for change in (ports.control.cancel, ports.control.retry, ports.control.delete):
        with pytest.raises(NotFound):
            await change(job.id, "acme")


async def test_the_key_of_a_deleted_job_still_answers_with_its_id(ports: Ports) -> None:
    job = await ports.ended(idempotency_key="k", fingerprint="f")
    await ports.control.delete(job.id, "acme")
    again = await ports.intake.take_in(a_job(idempotency_key="k", fingerprint="f"))
    assert (again.replayed, again.job.id, again.job.deleted) == (True, job.id, True)


@pytest.mark.parametrize("running", [False, True], ids=["pending", "processing"])
async def test_what_has_not_ended_cannot_be_deleted(ports: Ports, running: bool) -> None:
    job = await (ports.called() if running else ports.submit())
    with pytest.raises(Conflict):
        await ports.control.delete(job.id, "acme")
    assert await ports.find(job.id) == job


async def test_only_the_owner_and_an_admin_may_change_a_job(ports: Ports) -> None:
    job = await ports.ended()
    for change in (ports.control.cancel, ports.control.retry, ports.control.delete):
        for stranger, request_id in (("other", job.id), ("acme", new_request_id())):
            with pytest.raises(NotFound):
                await change(request_id, stranger)
    await ports.control.retry(job.id, None)


async def test_a_replay_counts_and_runs_what_matches(ports: Ports) -> None:
    jobs = [await ports.ended(client=client) for client in ("acme", "globex")]
    others = [await ports.ended(Failed("deadline", "late")), await ports.ended(vendor="other"), await ports.submit()]
    which = ReplayFilter("sync", Status.FAILED, error_code="vendor_rejected")
    assert await ports.control.replay(which, dry_run=True) == Replayed(2, 0)
    assert (await ports.find(jobs[0].id)).status is Status.FAILED
    assert await ports.control.replay(which, dry_run=False) == Replayed(2, 2)
    assert {(await ports.find(job.id)).status for job in jobs} == {Status.PENDING}
    assert [await ports.find(job.id) for job in others] == others


async def test_a_replay_is_bounded_in_time(ports: Ports) -> None:
    hours = [NOON + timedelta(hours=hour) for hour in range(4)]
    for hour in hours:
        await ports.ended(created_at=hour, id=an_id_of(hour))
    which = ReplayFilter("sync", Status.FAILED, created_from=hours[1], created_to=hours[3])
    assert await ports.control.replay(which, dry_run=True) == Replayed(2, 0)


async def test_a_replay_finds_callbacks_by_their_own_time(ports: Ports) -> None:
    parents, ends = NOON, NOON + timedelta(hours=2)
    callback = await ports.ended(vendor=CALLBACKS, created_at=ends, id=an_id_of(parents))
    which = ReplayFilter(CALLBACKS, Status.FAILED, created_from=ends)
    assert await ports.control.replay(which, dry_run=False) == Replayed(1, 1)
    assert (await ports.find(callback.id)).status is Status.PENDING


async def test_a_replay_may_be_bounded_by_any_time_that_there_is(ports: Ports) -> None:
    await ports.ended()
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    which = ReplayFilter("sync", Status.FAILED, created_from=first, created_to=last)
    assert await ports.control.replay(which, dry_run=True) == Replayed(1, 0)


async def test_a_replay_leaves_deleted_jobs_and_open_calls_alone(ports: Ports) -> None:
    deleted, called = await ports.ended(idempotency_key="k"), await ports.called()
    await ports.control.delete(deleted.id, "acme")
    await ports.control.cancel(called.id, "acme")
    assert await ports.control.replay(ReplayFilter("sync", Status.FAILED), dry_run=False) == Replayed(0, 0)
    assert await ports.control.replay(ReplayFilter("sync", Status.CANCELLED), dry_run=False) == Replayed(1, 0)


def an_id_of(moment: datetime) -> UUID:
    """An id as it is made at that moment: its first 48 bits are the millisecond."""
    millis = round(moment.timestamp() * 1000)
    return UUID(int=millis << 80 | new_request_id().int & (1 << 80) - 1)
