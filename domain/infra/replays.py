"""
Ended jobs by vendor and status, for running many again: counted, and read in pages, the oldest first.

Both stand on the partial index `to_replay`. An id begins with the millisecond it was made in, so
bounds in time bound the index too; a callback's id with that of its parent, which may be much older.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.callbacks import VENDOR as CALLBACKS
from domain.infra.job_store import mongo_trouble
from domain.infra.mongo import Database
from domain.jobs import Job
from domain.ports import ReplayFilter

PAGE = 500
CLOCKS_APART_MS = 60_000  # of `created_at` and the id, far more than there ever is


class Replays:
    def __init__(self, database: Database) -> None:
        self._jobs = database.get_collection("jobs")

    async def count(self, which: ReplayFilter) -> int:
        """How many match. Raises `Unavailable`, also when there are too many to count in 5 s."""
        with mongo_trouble():
            return await self._jobs.count_documents(conditions(which))

    async def page(self, which: ReplayFilter, after: UUID | None) -> Sequence[Job]:
        """The next ones, without their payload, which no retry needs: 500 of 1 MiB would be half a gigabyte."""
        found = self._jobs.find(conditions(which, after), {"payload": 0}).sort("_id", 1).limit(PAGE)
        with mongo_trouble():
            documents = await found.to_list(None)
        return [Job.model_validate({**document, "payload": ""}) for document in documents]


def conditions(which: ReplayFilter, after: UUID | None = None) -> dict[str, Any]:
    wanted: dict[str, Any] = {"vendor": which.vendor, "status": which.status.value, "deleted": {"$ne": True}}
    wanted["redacted_at"] = {"$exists": False}  # without its payload a job can no longer be run
    if which.error_code is not None:
        wanted["error.code"] = which.error_code
    created = {"$gte": which.created_from, "$lt": which.created_to}
    oldest = which.created_from if which.vendor != CALLBACKS else None
    ids = {
        "$gt": after,
        "$gte": oldest and _id_at(oldest, -CLOCKS_APART_MS),
        "$lt": which.created_to and _id_at(which.created_to, CLOCKS_APART_MS),
    }
    for name, bounds in (("created_at", created), ("_id", ids)):
        given = {operator: bound for operator, bound in bounds.items() if bound is not None}
        if given:
            wanted[name] = given
    return wanted


def _id_at(moment: datetime, shift_ms: int) -> UUID:
    """Where the ids of that millisecond begin, or of one before or after: see `domain.request_ids`."""
    return UUID(int=max(0, int(moment.timestamp() * 1000) + shift_ms) << 80)
