"""
Jobs in MongoDB: written once when they are taken in, and from then on by compare-and-set only.

`compare_and_set` is the fence of the whole system: it writes the next state of a job only
where the job still has the epoch that the state was made from.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from pymongo import ReadPreference, UpdateOne
from pymongo.errors import BulkWriteError, PyMongoError
from pymongo.read_concern import ReadConcern

from domain.errors import Unavailable
from domain.infra.mongo import Database
from domain.jobs import Job

NEVER_CHANGED = frozenset({"id", "client", "vendor", "payload", "metadata", "priority", "created_at"})
CHANGEABLE = tuple(name for name in Job.model_fields if name not in NEVER_CHANGED)
Change = tuple[Job, Job]  # before, after
Where = dict[str, Any]
Update = dict[str, Any]


def to_document(job: Job) -> dict[str, Any]:
    """The job as BSON takes it. Nones are left out: a partially indexed field must not hold a null."""
    return job.model_dump(by_alias=True, exclude_none=True)


class MongoJobStore:
    """The worker's and the sweep's side of the collection `jobs`; every write waits for a majority and the journal."""

    def __init__(self, database: Database) -> None:
        self._jobs = database.get_collection("jobs")
        self._majority = self._jobs.with_options(
            read_concern=ReadConcern("majority"), read_preference=ReadPreference.PRIMARY
        )

    async def load(self, ids: Sequence[UUID]) -> dict[UUID, Job]:
        """The jobs of `ids` that there are. Raises `Unavailable`."""
        with mongo_trouble():
            documents = await self._jobs.find({"_id": {"$in": list(ids)}}).to_list(None)
        return {document["_id"]: Job.model_validate(document) for document in documents}

    async def find_by_key(self, client: str, key: str) -> Job | None:
        """The job that holds an idempotency key, as a majority knows it. Raises `Unavailable`."""
        with mongo_trouble():
            document = await self._majority.find_one({"client": client, "idempotency_key": key})
        return None if document is None else Job.model_validate(document)

    async def compare_and_set(self, changes: Sequence[Change]) -> list[bool]:
        """
        Write each `after` where the job is still as `before` says; answers which ones were written.

        Safe to repeat after an error: an `after` that is already there counts as written, since
        its epoch and claim token tell whose it is. Raises `Unavailable` when MongoDB did not say.
        """
        if not changes:  # a bulk write of nothing is an error to PyMongo
            return []
        with mongo_trouble():
            matched = await self._write([_update(before, after) for before, after in changes])
            if matched == len(changes):
                return [True] * len(changes)
            return await self._who_won([after for _, after in changes])

    async def load_to_sweep(self, now: datetime, vendors: Sequence[str], limit: int) -> list[Job]:
        """
        Jobs whose `sweep_at` has come, the longest overdue first: of these vendors, and of any that nobody
        started by its deadline (its vendor may have left the tables). Raises `Unavailable`.

        Without payload and result, which no sweep needs: 500 jobs of 1 MiB would be half a gigabyte.
        """
        ours = [{"vendor": {"$in": list(vendors)}}, {"status": "pending", "deadline": {"$lte": now}}]
        due = self._jobs.find({"sweep_at": {"$lte": now}, "$or": ours}, {"payload": 0, "result": 0})
        with mongo_trouble():
            documents = await due.sort("sweep_at", 1).limit(limit).to_list(None)
        return [Job.model_validate({**document, "payload": ""}) for document in documents]

    async def sweep_now(self, now: datetime, vendors: Sequence[str]) -> None:
        """Have the sweep look at everything of these vendors that is due or under way: Redis has forgotten it."""
        due = {"$or": [{"status": "processing"}, {"status": "pending", "run_at": {"$lte": now}}]}
        with mongo_trouble():
            await self._jobs.update_many(
                {"vendor": {"$in": list(vendors)}, "sweep_at": {"$gt": now}, **due}, {"$set": {"sweep_at": now}}
            )

    async def sweep_later(self, looks: Sequence[tuple[Job, datetime]]) -> None:
        """Move `sweep_at` on; no transition, so the epoch stays, and a job that went on meanwhile is left alone."""
        updates = [
            UpdateOne({"_id": job.id, "epoch": job.epoch}, {"$set": {"sweep_at": later}}) for job, later in looks
        ]
        if updates:
            with mongo_trouble():
                await self._jobs.bulk_write(updates, ordered=False)

    async def _write(self, updates: list[tuple[Where, Update]]) -> int:
        if len(updates) == 1:  # an idle worker's case; a bulk write of one costs half as much again
            return (await self._jobs.update_one(*updates[0])).matched_count
        try:
            result = await self._jobs.bulk_write([UpdateOne(*update) for update in updates], ordered=False)
        except BulkWriteError as fault:
            # One update broke a unique index or is too large; the others stand. Reading back tells which.
            if fault.details.get("writeConcernErrors"):
                raise
            return -1
        return result.matched_count

    async def _who_won(self, written: Sequence[Job]) -> list[bool]:
        """MongoDB before 8.0 answers a bulk update with totals only, so the epochs and tokens are read back."""
        found = self._majority.find({"_id": {"$in": [job.id for job in written]}}, {"epoch": 1, "claim_token": 1})
        stands = {row["_id"]: (row["epoch"], row.get("claim_token")) async for row in found}
        return [stands.get(job.id) == (job.epoch, job.claim_token) for job in written]


@contextmanager
def mongo_trouble() -> Iterator[None]:
    """MongoDB's troubles as ours: what was not confirmed may be tried again."""
    try:
        yield
    except PyMongoError as fault:
        raise Unavailable(f"the store does not answer just now ({type(fault).__name__}); try again") from fault


def _update(before: Job, after: Job) -> tuple[Where, Update]:
    where: Where = {"_id": before.id, "epoch": before.epoch}
    if before.claim_token is not None:
        where["claim_token"] = before.claim_token
    changed = [name for name in CHANGEABLE if getattr(before, name) != getattr(after, name)]
    dumped = after.model_dump(include=set(changed), exclude_none=True)
    gone = {name: "" for name in changed if getattr(after, name) is None}
    return where, {"$set": dumped, "$unset": gone} if gone else {"$set": dumped}
