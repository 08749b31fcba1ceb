"""
Jobs in MongoDB: written once when they are taken in, and from then on by compare-and-set only.

`compare_and_set` is the fence of the whole system: it writes the next state of a job only
where the job still has the epoch that the state was made from.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from pymongo import ReadPreference, UpdateOne
from pymongo.errors import BulkWriteError, PyMongoError, WriteError
from pymongo.read_concern import ReadConcern

from domain.errors import Unavailable
from domain.infra.mongo import Database
from domain.jobs import ENDED, Job

NEVER_CHANGED = frozenset({"id", "client", "vendor", "priority", "created_at"})
CHANGEABLE = tuple(name for name in Job.model_fields if name not in NEVER_CHANGED)
ENDED_STATES = sorted(ENDED)
WITHOUT_BODIES = {"payload": 0, "result": 0}
LOT = 100  # documents that are read at a time: more would hold up the loop for longer than a neighbour should wait
Change = tuple[Job, Job]  # before, after
Reference = tuple[str, str]  # a vendor, and its own id of a job
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

    async def sizes(self, ids: Sequence[UUID]) -> dict[UUID, int]:
        """How many bytes each of the jobs takes, as far as they are there. Raises `Unavailable`."""
        stages: list[dict[str, Any]] = [
            {"$match": {"_id": {"$in": list(ids)}}},
            {"$project": {"size": {"$bsonSize": "$$ROOT"}}},
        ]
        with mongo_trouble():
            rows = await (await self._jobs.aggregate(stages)).to_list(None)
        return {row["_id"]: row["size"] for row in rows}

    async def load_slim(self, ids: Sequence[UUID]) -> dict[UUID, Job]:
        """Like `load`, without payload and result, which no word about a job's fate needs."""
        with mongo_trouble():
            documents = await self._jobs.find({"_id": {"$in": list(ids)}}, WITHOUT_BODIES).to_list(None)
        return {document["_id"]: _slim(document) for document in documents}

    async def find_by_references(self, references: Sequence[Reference]) -> dict[Reference, Job]:
        """The jobs that have these references now, without payload and result. Raises `Unavailable`."""
        by_vendor: defaultdict[str, list[str]] = defaultdict(list)
        for vendor, reference in references:
            by_vendor[vendor].append(reference)
        either = [{"vendor": vendor, "vendor_ref": {"$in": wanted}} for vendor, wanted in by_vendor.items()]
        if not either:
            return {}
        with mongo_trouble():
            documents = await self._jobs.find({"$or": either}, WITHOUT_BODIES).to_list(None)
        return {(document["vendor"], document["vendor_ref"]): _slim(document) for document in documents}

    async def find_by_key(self, client: str, key: str) -> Job | None:
        """The job that holds an idempotency key, as a majority knows it. Raises `Unavailable`."""
        with mongo_trouble():
            document = await self._majority.find_one({"client": client, "idempotency_key": key})
        return None if document is None else Job.model_validate(document)

    async def compare_and_set(self, changes: Sequence[Change]) -> list[bool]:
        """
        Write each `after` where the job is still as `before` says; answers which ones were written.

        What MongoDB refuses, because another job has its reference, was not written: whoever reads the job again
        finds it as it was. Safe to repeat after an error: an `after` that is already there counts as written, since
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
        Jobs whose `sweep_at` has come, the longest overdue first: of these vendors, and of any that have ended or
        whose time is up (their vendor may have left the tables). Raises `Unavailable`.

        Without payload and result, which no sweep needs: 500 jobs of 1 MiB would be half a gigabyte.
        """
        anyones: list[Where] = [{"status": {"$in": ENDED_STATES}}, {"deadline": {"$lte": now}}]
        waiting = {"status": "processing", "waiting_until": {"$lte": now}}
        ours = [{"vendor": {"$in": list(vendors)}}, *anyones, waiting]
        due = self._jobs.find({"sweep_at": {"$lte": now}, "$or": ours}, WITHOUT_BODIES)
        with mongo_trouble():
            return [_slim(document) async for document in due.sort("sweep_at", 1).limit(limit).batch_size(LOT)]

    async def each_pending(self, vendors: Sequence[str]) -> AsyncIterator[list[Job]]:
        """All jobs of these vendors that wait for their call, now or later, in lots. Raises `Unavailable`."""
        pending = {"status": "pending", "vendor": {"$in": list(vendors)}, "sweep_at": {"$exists": True}}
        found = self._jobs.find(pending, WITHOUT_BODIES, batch_size=LOT).hint("to_sweep")
        with mongo_trouble():
            async with found:
                while lot := await found.to_list(LOT):
                    yield [_slim(document) for document in lot]

    async def sweep_now(self, now: datetime, vendors: Sequence[str]) -> None:
        """Have the sweep look at all jobs of these vendors that were called: Redis has forgotten them."""
        called = {"vendor": {"$in": list(vendors)}, "status": "processing", "sweep_at": {"$gt": now}}
        with mongo_trouble():
            await self._jobs.update_many(called, {"$set": {"sweep_at": now}})

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
            return await self._write_one(*updates[0])
        try:
            result = await self._jobs.bulk_write([UpdateOne(*update) for update in updates], ordered=False)
        except BulkWriteError as fault:
            # One update broke a unique index or is too large; the others stand. Reading back tells which.
            if fault.details.get("writeConcernErrors"):
                raise
            return -1
        return result.matched_count

    async def _write_one(self, where: Where, update: Update) -> int:
        try:
            return (await self._jobs.update_one(where, update)).matched_count
        except WriteError:  # it broke a unique index or is too large: no outage, and no better the next time
            return 0

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


def _slim(document: dict[str, Any]) -> Job:
    return Job.model_validate({**document, "payload": ""})


def _update(before: Job, after: Job) -> tuple[Where, Update]:
    where: Where = {"_id": before.id, "epoch": before.epoch}
    if before.claim_token is not None:
        where["claim_token"] = before.claim_token
    changed = [name for name in CHANGEABLE if getattr(before, name) != getattr(after, name)]
    dumped = after.model_dump(include=set(changed), exclude_none=True)
    gone = {name: "" for name in changed if getattr(after, name) is None}
    return where, {"$set": dumped, "$unset": gone} if gone else {"$set": dumped}
