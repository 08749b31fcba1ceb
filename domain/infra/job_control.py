"""
What a client may do to its jobs: cancel, retry, delete; and an admin to many at once.

Each is a transition, written by compare-and-set on what was just read, and tried again on what it has
become when somebody else was first. The answer waits for MongoDB only: Redis is told behind its back,
and what Redis does not hear is mended by the sweep and by the waiters' own look.
"""

import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

from domain import interventions
from domain.errors import Conflict, NotFound, Unavailable
from domain.infra.counted_jobs import CountedJobStore
from domain.infra.job_reader import may_see
from domain.infra.job_store import MongoJobStore
from domain.infra.mongo import Database
from domain.infra.queue import Queue
from domain.infra.queue_notices import QueueNotices
from domain.infra.redis import RedisClient
from domain.infra.replays import Replays
from domain.jobs import AttemptOutcome, Job, Status
from domain.ports import FollowUpRunner, Replayed, ReplayFilter
from domain.retention import Retention
from domain.submitted_fields import to_milliseconds
from domain.tallies import Tallies
from domain.timeline import close_attempt
from domain.tombstones import bury
from domain.transitions import Rules, signed
from domain.vendors import VendorPolicy

RETRYABLE = frozenset({Status.FAILED, Status.CANCELLED})
MOST_REPLAYED = 10_000  # in one call: some seconds, as long as a client should be kept
TRIES = 20  # a job changes a few times in its life: more rivals than that is trouble

Step = Callable[[Job, datetime], Job]  # the next state; raises `Conflict` where there is none


class MongoJobControl:
    """A `JobControl`."""

    def __init__(
        self, store: MongoJobStore, replays: Replays, notices: QueueNotices, follow_ups: FollowUpRunner, rules: Rules
    ) -> None:
        self._store = store
        self._replays = replays
        self._notices = notices
        self._follow_ups = follow_ups
        self._rules = rules

    async def cancel(self, request_id: UUID, owner: str | None) -> Job:
        job = await self._move(request_id, owner, self._cancelled)
        self._notices.forget(job)
        self._follow_ups.soon(job)
        return job

    async def retry(self, request_id: UUID, owner: str | None) -> Job:
        job = await self._move(request_id, owner, _retried)
        self._notices.queue([job])
        return job

    async def delete(self, request_id: UUID, owner: str | None) -> None:
        self._notices.forget(await self._move(request_id, owner, _buried))

    async def replay(self, which: ReplayFilter, *, dry_run: bool) -> Replayed:
        matched = await self._replays.count(which)
        looked = queued = 0
        last: UUID | None = None
        while not dry_run and looked < MOST_REPLAYED and (page := await self._page(which, last)):
            free = [job for job in page if not (interventions.owes_follow_up(job) or interventions.is_called(job))]
            queued += await self._retry_all(free)
            looked += len(page)
            last = page[-1].id
        return Replayed(matched, queued)

    async def _move(self, request_id: UUID, owner: str | None, step: Step) -> Job:
        for _ in range(TRIES):
            job = (await self._store.load([request_id])).get(request_id)
            if job is None or not may_see(job, owner):
                raise NotFound("Job not found")
            after = await self._next(job, step)
            forgets = interventions.owes_follow_up(job) and not interventions.owes_follow_up(after)
            if forgets:  # what is owed must not be forgotten with the end it tells of
                await self._follow_ups.do([job])
            elif (await self._store.compare_and_set([(job, after)]))[0]:
                return after
        raise Unavailable("the job changes faster than it could be changed here; try again")

    async def _next(self, job: Job, step: Step) -> Job:
        now = _now()
        after = step(_signed(job), now)
        if not (job.ended and interventions.is_called(job)):
            return after
        if await self._notices.holds_lease(job):  # its answer must not be taken for that of the next generation
            raise Conflict(
                "the job's call to its vendor is still under way; try again when it has ended (its attempts tell)",
                code="call-under-way",
            )
        closed = close_attempt(_signed(job), now, AttemptOutcome.CRASHED, None, counted=False, detail="never heard of")
        return step(closed, now)

    def _cancelled(self, job: Job, now: datetime) -> Job:
        if job.ended:
            raise Conflict(f"the job has ended ({job.status}); only one that has not can be cancelled")
        return interventions.cancel(job, self._rules, now)

    async def _page(self, which: ReplayFilter, after: UUID | None) -> Sequence[Job]:
        page = await self._replays.page(which, after)
        owing = [job for job in page if interventions.owes_follow_up(job)]
        if not owing:
            return page
        await self._follow_ups.do(owing)
        return await self._replays.page(which, after)

    async def _retry_all(self, jobs: Sequence[Job]) -> int:
        now = _now()
        changes = [(job, interventions.retry(_signed(job), now)) for job in jobs]
        won = await self._store.compare_and_set(changes)
        retried = [after for (_, after), mine in zip(changes, won, strict=True) if mine]
        self._notices.queue(retried)
        return len(retried)


@asynccontextmanager
async def open_job_control(  # noqa: PLR0913 - what the root has opened already
    database: Database,
    redis: RedisClient,
    queue: Queue,
    follow_ups: FollowUpRunner,
    *,
    retention: Retention,
    counts: Tallies | None = None,
) -> AsyncIterator[MongoJobControl]:
    """The control of one process; closing it lets what Redis is being told come to an end."""
    notices = QueueNotices(redis, queue)
    rules = Rules(VendorPolicy(), retention)  # a client's word hangs on no vendor's policy
    try:
        store = CountedJobStore(database, counts or Tallies())
        yield MongoJobControl(store, Replays(database), notices, follow_ups, rules)
    finally:
        await notices.close()


def _retried(job: Job, now: datetime) -> Job:
    if job.status not in RETRYABLE:
        raise Conflict(f"the job is {job.status}; only a failed or cancelled one can be run again")
    if job.redacted_at is not None:
        why = "the job's payload was removed, as all are some time after their end; submit it anew to run it again"
        raise Conflict(why, code="job-redacted")
    return interventions.retry(job, now)


def _buried(job: Job, now: datetime) -> Job:
    if not job.ended:
        raise Conflict(f"the job is {job.status}; cancel it first, only one that has ended can be deleted")
    if interventions.owes_telling(job):
        why = "the job's vendor is still to be told that it is cancelled; try again in a moment"
        raise Conflict(why, code="vendor-untold")
    return bury(job, now)


def _signed(job: Job) -> Job:
    """Under a token that nobody else writes: of two clients who ask the same, one is told that he did it."""
    return signed(job, uuid.uuid4().hex)


def _now() -> datetime:
    return to_milliseconds(datetime.now(UTC))
