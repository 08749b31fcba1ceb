"""
What is still to be done because a job ended: its callback, put on record as a job of its own.

First the child is stored, then the follow-up is struck off its parent. A crash in between does it
again, and the child's derived id makes one of the two. The sweep is the net under all of it.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog

from domain.callbacks import callback_of
from domain.errors import Unavailable
from domain.infra.batching import Batcher
from domain.infra.inserts import DUPLICATE_KEY, insert_each
from domain.infra.job_store import MongoJobStore, mongo_trouble, to_document
from domain.infra.mongo import Database
from domain.infra.queue import Queue
from domain.infra.redis import REDIS_FAULTS
from domain.interventions import CALLBACK, followed_up
from domain.jobs import Job
from domain.ports import Queued
from domain.submitted_fields import to_milliseconds
from domain.transitions import signed

LARGEST_BATCH = 200
LOOKS = 3  # at a parent that went on meanwhile; then it is the sweep's

Clock = Callable[[], datetime]

log = structlog.get_logger()


def here() -> datetime:
    """This machine's time."""
    return datetime.now(UTC)


class FollowUps:
    """A `FollowUpRunner`."""

    def __init__(self, database: Database, queue: Queue, public_base: str, clock: Clock = here) -> None:
        self._jobs = database.get_collection("jobs")
        self._store = MongoJobStore(database)
        self._queue = queue
        self._public_base = public_base
        self._clock = clock
        self._batches: Batcher[Job, None] = Batcher(self._do_batch, largest=LARGEST_BATCH)
        self._begun: set[asyncio.Task[None]] = set()

    def soon(self, job: Job) -> None:
        """Begin in the background; what goes wrong there is the sweep's."""
        if _is_owed(job):
            task = asyncio.create_task(self._do_one(job))
            self._begun.add(task)
            task.add_done_callback(self._begun.discard)

    async def do(self, jobs: Sequence[Job]) -> None:
        """Put the callbacks of these ended jobs on record. Raises `Unavailable`; doing it twice makes one."""
        owed = [job for job in jobs if _is_owed(job)]
        for _ in range(LOOKS):
            if not owed:
                return
            await self._tell_of(owed)
            owed = await self._strike_off(owed)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """What was begun in the block is done before it ends, unless a store stays away."""
        async with self._batches:
            yield
            await asyncio.sleep(0)  # what was begun in this very turn of the loop gets into the batcher

    async def _do_one(self, job: Job) -> None:
        try:
            await self._batches.submit(job)
        except Unavailable as fault:
            log.warning("a callback waits for the sweep", request_id=str(job.id), fault=fault.detail)

    async def _do_batch(self, jobs: Sequence[Job]) -> list[None | Exception]:
        await self.do(jobs)
        return [None] * len(jobs)

    async def _tell_of(self, parents: Sequence[Job]) -> None:
        """Store and queue the callbacks that are not on record yet."""
        now = to_milliseconds(self._clock())
        told = [job for job in parents if job.callback_url]  # a tombstone has none left
        children = [callback_of(job, public_base=self._public_base, now=now) for job in told]
        known = await self._store_new(children)
        fresh = [Queued.of(child) for index, child in enumerate(children) if index not in known]
        if not fresh:
            return
        try:
            await self._queue.enqueue(fresh)
        except REDIS_FAULTS as fault:
            log.warning("redis is away; stored callbacks wait for the sweep", waiting=len(fresh), fault=str(fault))

    async def _store_new(self, children: Sequence[Job]) -> set[int]:
        """Insert what is not there; answers the places of those that were. Raises `Unavailable`."""
        if not children:
            return set()
        with mongo_trouble():
            refused = await insert_each(self._jobs, [to_document(child) for child in children])
        if any(code != DUPLICATE_KEY for code in refused.values()):
            raise Unavailable("MongoDB refused a callback; the sweep tries again")
        return set(refused)

    async def _strike_off(self, parents: Sequence[Job]) -> list[Job]:
        """Mark as done; answers those that went on meanwhile and still ask for a callback, as they stand now."""
        now, token = to_milliseconds(self._clock()), f"follow-up:{uuid.uuid4().hex}"
        changes = [(job, followed_up(signed(job, token), CALLBACK, now)) for job in parents]
        won = await self._store.compare_and_set(changes)
        lost = [job.id for job, did in zip(parents, won, strict=True) if not did]
        if not lost:
            return []
        return [job for job in (await self._store.load(lost)).values() if _is_owed(job)]


@asynccontextmanager
async def open_follow_ups(
    database: Database, queue: Queue, public_base: str, *, clock: Clock = here
) -> AsyncIterator[FollowUps]:
    """
    `public_base` is where clients reach the gateway: what they are told to look at begins with it.

    `clock` says when a callback is due. A worker hands in the fleet's: its machine's own may be wrong.
    """
    follow_ups = FollowUps(database, queue, public_base, clock)
    async with follow_ups.running():
        yield follow_ups


def _is_owed(job: Job) -> bool:
    return job.ended and CALLBACK in (job.follow_ups or [])
