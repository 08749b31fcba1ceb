"""
Reads of jobs: by id (many requests in one query), by page, and by waiting for a change.

Reads by id coalesce like writes do: what is asked for during one query goes into the next.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar
from uuid import UUID

from beanie.odm.enums import SortDirection

from domain.errors import NotFound
from domain.infra.background import in_background
from domain.infra.batching import Batcher
from domain.infra.changes import Changes, listen
from domain.infra.documents import JobDocument
from domain.infra.job_store import MongoJobStore, mongo_trouble
from domain.infra.mongo import Database
from domain.infra.queue import CHANGES_CHANNEL
from domain.infra.redis import RedisClient
from domain.jobs import Job
from domain.ports import LARGEST_PAGE, JobFilter

LARGEST_READ = 200
READ_AGAIN_SECONDS = 5.0  # the net under a lost notice


class _Listed(Job):
    """A job without its payload, which no list shows: a hundred of them would be 100 MiB."""

    payload: str = ""

    class Settings:
        projection: ClassVar = {"payload": 0}


class MongoJobReader:
    """A `JobReader`. A deleted job is not found, whoever asks."""

    def __init__(self, store: MongoJobStore, reads: Batcher[UUID, Job | None], changes: Changes) -> None:
        self._store = store
        self._reads = reads
        self._changes = changes

    async def find(self, request_id: UUID, owner: str | None) -> Job | None:
        job = await self._reads.submit(request_id)
        return job if job is not None and may_see(job, owner) else None

    async def find_many(self, ids: Sequence[UUID], owner: str | None) -> AsyncIterator[list[Job | None]]:
        sizes = await self._store.sizes(ids)
        for group in _groups(ids, sizes):
            yield await asyncio.gather(*(self.find(request_id, owner) for request_id in group))

    async def list(self, which: JobFilter) -> list[Job]:
        query = JobDocument.find(_conditions(which), projection_model=_Listed).sort(("_id", SortDirection.DESCENDING))
        found: list[Job] = []
        size = 0
        with mongo_trouble():
            async for job in query.limit(which.limit):
                found.append(job)
                size += len(job.result or "")
                if size > LARGEST_PAGE:
                    break
        return found

    async def wait_until_ended(self, request_id: UUID, owner: str | None, seconds: float) -> Job | None:
        return await self._wait(request_id, owner, seconds, lambda job: job.ended)

    async def wait_for_change(self, job: Job, seconds: float) -> Job:
        changed = await self._wait(job.id, None, seconds, lambda found: found.epoch != job.epoch)
        if changed is None:
            raise NotFound("Job not found")
        return changed

    async def _wait(
        self, request_id: UUID, owner: str | None, seconds: float, enough: Callable[[Job], bool]
    ) -> Job | None:
        ends = time.monotonic() + seconds
        with self._changes.watch(str(request_id)) as changed:  # first listen, then look: nothing falls in between
            while True:
                changed.clear()
                job = await self.find(request_id, owner)
                left = ends - time.monotonic()
                if job is None or enough(job) or left <= 0 or self._changes.stopped:
                    return job
                await _first(changed, min(left, READ_AGAIN_SECONDS))


@asynccontextmanager
async def open_job_reader(
    database: Database, redis: RedisClient, *, stopping: asyncio.Event | None = None
) -> AsyncIterator[MongoJobReader]:
    """The reader of one process, with its one subscription. Once `stopping` is set nobody is kept waiting."""
    store = MongoJobStore(database)
    changes = Changes()

    async def read(ids: Sequence[UUID]) -> list[Job | None | Exception]:
        found = await store.load(ids)
        return [found.get(request_id) for request_id in ids]

    async with (
        Batcher(read, largest=LARGEST_READ) as reads,
        in_background(listen(redis, CHANGES_CHANNEL, changes.tell)),
        in_background(changes.stop_with(stopping or asyncio.Event())),
    ):
        yield MongoJobReader(store, reads, changes)


def may_see(job: Job, owner: str | None) -> bool:
    """Whether the job is there for this caller: his own, or anybody's for an admin, and not deleted."""
    return not job.deleted and (owner is None or job.client == owner)


def _groups(ids: Sequence[UUID], sizes: Mapping[UUID, int]) -> Iterator[list[UUID]]:
    """The ids in their order, cut where the jobs of a group would take more than `LARGEST_PAGE` together."""
    group: list[UUID] = []
    taken = 0
    for request_id in ids:
        size = sizes.get(request_id, 0)
        if group and taken + size > LARGEST_PAGE:
            yield group
            group, taken = [], 0
        group.append(request_id)
        taken += size
    yield group


def _conditions(which: JobFilter) -> dict[str, Any]:
    wanted: dict[str, Any] = {"deleted": {"$ne": True}}
    if which.owner is not None:
        wanted["client"] = which.owner
    if which.vendor is not None:
        wanted["vendor"] = which.vendor
    if which.status is not None:
        wanted["status"] = which.status.value
    if which.created_after is not None:
        wanted["created_at"] = {"$gt": which.created_after}
    if which.before is not None:
        wanted["_id"] = {"$lt": which.before}
    return wanted


async def _first(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
