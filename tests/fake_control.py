"""Fakes of what changes jobs that have been taken in: the control, and whoever does their follow-ups."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from domain import interventions
from domain.errors import Conflict, NotFound
from domain.jobs import Job, Status
from domain.ports import Replayed, ReplayFilter
from domain.tombstones import bury
from domain.transitions import Rules
from domain.vendors import VendorPolicy
from tests.fakes import FakeJobs

RULES = Rules(VendorPolicy())


class FakeControl:
    """A `JobControl` of what a `FakeJobs` holds; a call that is on record and has not ended counts as under way."""

    def __init__(self, jobs: FakeJobs) -> None:
        self._jobs = jobs
        self.replays: list[tuple[ReplayFilter, bool]] = []

    async def cancel(self, request_id: UUID, owner: str | None) -> Job:
        job = await self._mine(request_id, owner)
        if job.ended:
            raise Conflict(f"the job has ended ({job.status})")
        return await self._write(interventions.cancel(job, RULES, datetime.now(UTC)))

    async def retry(self, request_id: UUID, owner: str | None) -> Job:
        job = await self._mine(request_id, owner)
        if job.status not in (Status.FAILED, Status.CANCELLED):
            raise Conflict(f"the job is {job.status}")
        _refuse_called(job)
        if job.redacted_at is not None:
            raise Conflict("its payload was removed", code="job-redacted")
        return await self._write(interventions.retry(job, datetime.now(UTC)))

    async def delete(self, request_id: UUID, owner: str | None) -> None:
        job = await self._mine(request_id, owner)
        if not job.ended:
            raise Conflict(f"the job is {job.status}")
        _refuse_called(job)
        await self._write(bury(job, datetime.now(UTC)))

    async def replay(self, which: ReplayFilter, *, dry_run: bool) -> Replayed:
        self.replays.append((which, dry_run))
        found = [
            job for job in self._jobs.stored.values() if not (job.deleted or job.redacted_at) and _matches(job, which)
        ]
        queued = [] if dry_run else [job for job in found if not interventions.is_called(job)]
        for job in queued:
            await self._write(interventions.retry(job, datetime.now(UTC)))
        return Replayed(len(found), len(queued))

    async def _mine(self, request_id: UUID, owner: str | None) -> Job:
        job = await self._jobs.find(request_id, owner)
        if job is None:
            raise NotFound("Job not found")
        return job

    async def _write(self, job: Job) -> Job:
        await self._jobs.put(job)
        return job


class FakeFollowUps:
    """A `FollowUpRunner` that remembers whose follow-ups it was to do; `then` is what it does about them."""

    def __init__(self, then: Callable[[Sequence[Job]], Awaitable[None]] | None = None) -> None:
        self.begun: list[Job] = []
        self.done: list[Job] = []
        self._then = then

    def soon(self, job: Job) -> None:
        self.begun.append(job)

    async def do(self, jobs: Sequence[Job]) -> None:
        self.done += jobs
        if self._then is not None:
            await self._then(jobs)


def _refuse_called(job: Job) -> None:
    if interventions.is_called(job):
        raise Conflict("its call is still under way", code="call-under-way")


def _matches(job: Job, which: ReplayFilter) -> bool:
    return (
        (job.vendor, job.status) == (which.vendor, which.status)
        and which.error_code in (None, job.error and job.error.code)
        and (which.created_from is None or job.created_at >= which.created_from)
        and (which.created_to is None or job.created_at < which.created_to)
    )
