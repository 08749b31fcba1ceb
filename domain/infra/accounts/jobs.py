"""
What a user's jobs hold of them: removed when the user goes, and handed out when they ask for a copy.

Jobs are told to forget by `redact_at`, which the sweep of the workers acts on within seconds (see
`domain.infra.redactions`). That is no transition, so no worker loses a job by it: one that runs goes on, keeps the
time through its end (`domain.retention`), and loses its words then. Only where a worker had read it before and
`GATEWAY_REDACT_DAYS` is set, its end sets that time instead. What stays is what every redacted job keeps.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

from domain.infra.accounts.rows import Row, collection, store_faults
from domain.infra.mongo import Database
from domain.jobs import Job
from domain.ports import LARGEST_PAGE

LOT = 1_000  # jobs that are marked at a time: one update of half a million would outlast its 5 s
PAGE = 50  # jobs that are read at a time, fewer where they are large


class MongoJobsOfUser:
    """A `JobsOfUser`."""

    def __init__(
        self, database: Database, *, lot: int = LOT, page: int = PAGE, largest_page: int = LARGEST_PAGE
    ) -> None:
        self._jobs = collection(database, "jobs")
        self._lot = lot
        self._page_jobs = page
        self._page_size = largest_page

    async def forget(self, client: str, now: datetime) -> int:
        marked = 0
        last: UUID | None = None
        with store_faults():
            while ids := await self._ids(client, last):
                marked += await self._mark(ids, now)
                last = ids[-1]
        return marked

    async def export(self, client: str) -> AsyncIterator[Job]:
        last: UUID | None = None
        while page := await self._page(client, last):
            for job in page:
                yield job
            last = page[-1].id

    async def _ids(self, client: str, last: UUID | None) -> list[UUID]:
        found = self._jobs.find(_of(client, last), {"_id": 1}).sort("_id", 1).limit(self._lot)
        return [row["_id"] async for row in found]

    async def _mark(self, ids: Sequence[UUID], now: datetime) -> int:
        unmarked = [{"redact_at": {"$exists": False}}, {"redact_at": {"$gt": now}}]
        holding: Row = {"deleted": {"$ne": True}, "redacted_at": {"$exists": False}, "$or": unmarked}
        result = await self._jobs.update_many({"_id": {"$in": ids}, **holding}, {"$set": {"redact_at": now}})
        return result.modified_count

    async def _page(self, client: str, last: UUID | None) -> list[Job]:
        """
        Cut where it grows too large for the memory.

        A query for each page, since who downloads slowly would keep a cursor open for longer than MongoDB does.
        """
        page: list[Job] = []
        size = 0
        found = self._jobs.find({**_of(client, last), "deleted": {"$ne": True}}).sort("_id", 1)
        with store_faults():
            async with found.limit(self._page_jobs) as rows:
                async for row in rows:
                    page.append(Job.model_validate(row))
                    size += len(page[-1].payload) + len(page[-1].result or "")
                    if size > self._page_size:
                        break
        return page


def _of(client: str, last: UUID | None) -> Row:
    """By the index `by_client`."""
    return {"client": {"$eq": client}} if last is None else {"client": {"$eq": client}, "_id": {"$gt": last}}
