"""
Removes what strangers wrote of ended jobs whose time has come: from the jobs, and from the webhooks that spoke of them.

First the job, by compare-and-set: from then on nobody can retry it, and a retry that was first has its payload
still. Then the webhooks' bodies, then the mark by which it was found: after a crash in between it is found again.
"""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from pymongo import UpdateOne

from domain.infra.event_store import MongoEventStore
from domain.infra.job_store import ENDED_STATES, WITHOUT_BODIES, MongoJobStore, mongo_trouble
from domain.infra.mongo import Database
from domain.interventions import LONG_GONE
from domain.jobs import Job
from domain.redaction import may_be_redacted, redact
from domain.transitions import signed

UNREAD = "?"  # stands for a payload and a result that nobody loads: other than what is written over them


class Redactions:
    """
    All methods raise `Unavailable`.

    `is_needed` tells of a job, of which it has all but the bodies, whether somebody may yet have it run again.
    """

    def __init__(self, database: Database, is_needed: Callable[[Job], bool]) -> None:
        self._jobs = database.get_collection("jobs")
        self._store = MongoJobStore(database)
        self._events = MongoEventStore(database)
        self._is_needed = is_needed

    async def redact_due(self, now: datetime, limit: int) -> int:
        """Look at `limit` jobs whose time has come, the longest overdue first; answers how many were done."""
        due = await self.load_due(now, limit)
        if not due:
            return 0
        held = {job.id for job in due if self._is_needed(job) or not may_be_redacted(job, now)}
        redacted = await self.remove_words([job for job in due if job.id not in held], now)
        unheard = await self._events.find_unapplied(redacted)  # their bodies are still to be read
        done = [job for job in redacted if job.id not in unheard]
        await self._events.redact(done, now)
        await self._strike_off(done)
        await self._postpone([job for job in due if job.id in unheard or job.id in held], now)
        return len(done)

    async def load_due(self, now: datetime, limit: int) -> list[Job]:
        """Those that owe nothing any more: to tell a vendor of a cancel may take the payload."""
        ended = {"status": {"$in": ENDED_STATES}, "follow_ups": {"$exists": False}}
        found = self._jobs.find({"redact_at": {"$lte": now}, **ended}, WITHOUT_BODIES).sort("redact_at", 1)
        with mongo_trouble():
            return [_unread(document) for document in await found.limit(limit).to_list(None)]

    async def remove_words(self, jobs: Sequence[Job], now: datetime) -> list[Job]:
        """Answers those without their words, by whomever; one that somebody else wrote to is looked at again."""
        token = f"redaction:{uuid.uuid4().hex}"
        changes = [(job, redact(signed(job, token), now)) for job in jobs if job.redacted_at is None]
        won = await self._store.compare_and_set(changes)
        before = [job for job in jobs if job.redacted_at is not None]
        return before + [after for (_, after), mine in zip(changes, won, strict=True) if mine]

    async def _strike_off(self, jobs: Sequence[Job]) -> None:
        """No transition: nobody reads `redact_at` of a job that is redacted."""
        done = {"_id": {"$in": [job.id for job in jobs]}, "redacted_at": {"$exists": True}}
        if jobs:
            with mongo_trouble():
                await self._jobs.update_many(done, {"$unset": {"redact_at": ""}})

    async def _postpone(self, jobs: Sequence[Job], now: datetime) -> None:
        """Out of the way of those behind them; one that went on meanwhile is left alone."""
        later: dict[str, Any] = {"$set": {"redact_at": now + LONG_GONE}}
        updates = [UpdateOne({"_id": job.id, "redact_at": {"$exists": True}}, later) for job in jobs]
        if updates:
            with mongo_trouble():
                await self._jobs.bulk_write(updates, ordered=False)


def _unread(document: dict[str, Any]) -> Job:
    return Job.model_validate({**document, "payload": UNREAD, "result": UNREAD})
