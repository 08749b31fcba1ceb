"""
Jobs whose ids are worked out of what they follow: stored once, however often and by whomever, then queued.

What is stored and could not be queued, the sweep queues.
"""

from collections.abc import Sequence

import structlog

from domain.errors import Unavailable
from domain.infra.inserts import DUPLICATE_KEY, insert_each
from domain.infra.job_store import mongo_trouble, to_document
from domain.infra.mongo import Database
from domain.infra.queue import Queue
from domain.infra.redis import REDIS_FAULTS
from domain.jobs import Job
from domain.ports import Queued

log = structlog.get_logger()


class DerivedJobs:
    def __init__(self, database: Database, queue: Queue) -> None:
        self._jobs = database.get_collection("jobs")
        self._queue = queue

    async def put(self, jobs: Sequence[Job]) -> None:
        """Return when all of them are on record; those that were stay as they are. Raises `Unavailable`."""
        known = await self._store_new(jobs)
        fresh = [Queued.of(job) for place, job in enumerate(jobs) if place not in known]
        if not fresh:
            return
        try:
            await self._queue.enqueue(fresh)
        except REDIS_FAULTS as fault:
            log.warning("redis is away; stored follow-ups wait for the sweep", waiting=len(fresh), fault=str(fault))

    async def _store_new(self, jobs: Sequence[Job]) -> set[int]:
        """Insert what is not there; answers the places of those that were. Raises `Unavailable`."""
        if not jobs:
            return set()
        with mongo_trouble():
            refused = await insert_each(self._jobs, [to_document(job) for job in jobs])
        if any(code != DUPLICATE_KEY for code in refused.values()):
            raise Unavailable("MongoDB refused a follow-up; the sweep tries again")
        return set(refused)
