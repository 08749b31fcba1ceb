"""
The worker's side of the inbox: events to apply, what became of them, and those that wait for their job.

`state` moves by compare-and-set on itself. What an event did to its job is written first: an event that
is applied twice finds its own mark on the job.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pymongo import UpdateOne

from domain.infra.job_store import mongo_trouble
from domain.infra.mongo import Database
from domain.jobs import Job
from domain.webhooks import QUEUED_WITHIN, EventState, WebhookEvent

TO_APPLY = frozenset({EventState.RECEIVED, EventState.PARKED})
OVER = [state.value for state in EventState if state not in TO_APPLY]
WAITING_FOR_ITS_JOB = (EventState.PARKED.value, EventState.IGNORED.value)  # a retry may bring an ignored one's job back


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of an event that was in the state `event.state`, or in `TO_APPLY`."""

    event: WebhookEvent
    to: EventState
    at: datetime
    note: str | None = None
    job: UUID | None = None
    sweep_at: datetime | None = None


class MongoEventStore:
    """All methods raise `Unavailable`."""

    def __init__(self, database: Database) -> None:
        self._events = database.get_collection("webhook_events")

    async def load(self, ids: Sequence[UUID]) -> dict[UUID, WebhookEvent]:
        with mongo_trouble():
            documents = await self._events.find({"_id": {"$in": list(ids)}}).to_list(None)
        return {document["_id"]: WebhookEvent.model_validate(document) for document in documents}

    async def move(self, moves: Sequence[Moved]) -> None:
        """Write what became of events; one that somebody else moved on meanwhile is left alone."""
        with mongo_trouble():
            await self._events.bulk_write([UpdateOne(*_update(moved)) for moved in moves], ordered=False)

    async def reopen(self, jobs: Sequence[Job], now: datetime) -> list[UUID]:
        """
        Have the events that came before their job had its reference looked at again; answers their ids.

        Parked ones of the job's reference or id, and ignored ones of its reference.
        """
        wanted = {"state": {"$in": WAITING_FOR_ITS_JOB}, "redacted_at": {"$exists": False}}
        either = [{**of_references, **wanted} for of_references in _by_reference(jobs)]
        of_ids = {"request_id": {"$in": [job.id for job in jobs]}, "state": EventState.PARKED.value}
        with mongo_trouble():
            ids = [document["_id"] async for document in self._events.find({"$or": [*either, of_ids]}, {"_id": 1})]
            if ids:
                await self._events.update_many({"_id": {"$in": ids}, **wanted}, _received_again(now))
        return ids

    async def find_unapplied(self, jobs: Sequence[Job]) -> set[UUID]:
        """Which of the jobs an event speaks of, by their reference or id, that nobody has looked at yet."""
        either = [*_by_reference(jobs), {"request_id": {"$in": [job.id for job in jobs]}}]
        fields = {"vendor": 1, "reference": 1, "request_id": 1}
        with mongo_trouble():
            found = await self._events.find({"state": EventState.RECEIVED.value, "$or": either}, fields).to_list(None)
        keys = ("reference", "request_id")
        named = {(event["vendor"], event[key]) for event in found for key in keys if key in event}
        return {job.id for job in jobs if not named.isdisjoint({(job.vendor, job.vendor_ref), (job.vendor, job.id)})}

    async def load_to_sweep(self, now: datetime, limit: int) -> list[WebhookEvent]:
        """Events whose `sweep_at` has come, the longest overdue first, without their bodies."""
        due = self._events.find({"sweep_at": {"$lte": now}}, {"body": 0})
        with mongo_trouble():
            documents = await due.sort("sweep_at", 1).limit(limit).to_list(None)
        return [WebhookEvent.model_validate({**document, "body": b""}) for document in documents]

    async def sweep_now(self, now: datetime) -> None:
        """Have the sweep look at everything that is not applied yet: Redis has forgotten it."""
        with mongo_trouble():
            await self._events.update_many(
                {"sweep_at": {"$gt": now}, "state": EventState.RECEIVED.value}, {"$set": {"sweep_at": now}}
            )

    async def sweep_later(self, looks: Sequence[tuple[WebhookEvent, datetime]]) -> None:
        updates = [
            UpdateOne({"_id": event.id, "state": event.state.value}, {"$set": {"sweep_at": later}})
            for event, later in looks
        ]
        if updates:
            with mongo_trouble():
                await self._events.bulk_write(updates, ordered=False)

    async def orphan(self, events: Sequence[WebhookEvent], now: datetime) -> int:
        """Give parked events up; answers how many were still parked."""
        if not events:
            return 0
        parked = {"_id": {"$in": [event.id for event in events]}, "state": EventState.PARKED.value}
        orphaned = {"$set": {"state": EventState.ORPHANED.value, "updated_at": now}, "$unset": {"sweep_at": ""}}
        with mongo_trouble():
            return (await self._events.update_many(parked, orphaned)).modified_count

    async def redact(self, jobs: Sequence[Job], now: datetime) -> None:
        """Remove the bodies of all that was said of these jobs, under former references too, and came to its end."""
        either = [*_by_reference(jobs, former=True), {"request_id": {"$in": [job.id for job in jobs]}}]
        over = {"state": {"$in": OVER}, "redacted_at": {"$exists": False}, "$or": either}
        if jobs:
            with mongo_trouble():
                await self._events.update_many(over, {"$set": {"body": b"", "redacted_at": now}})


def _by_reference(jobs: Sequence[Job], *, former: bool = False) -> list[dict[str, Any]]:
    """For each vendor, the events that have a reference of one of its jobs; or one that it had before a retry."""
    references: defaultdict[str, list[str]] = defaultdict(list)
    for job in jobs:
        references[job.vendor] += [job.vendor_ref] if job.vendor_ref is not None else []
        references[job.vendor] += job.former_refs or [] if former else []
    return [{"vendor": vendor, "reference": {"$in": of_it}} for vendor, of_it in references.items() if of_it]


def _update(moved: Moved) -> tuple[dict[str, Any], dict[str, Any]]:
    states = {state.value for state in (*TO_APPLY, moved.event.state)}
    where = {"_id": moved.event.id, "state": {"$in": sorted(states)}}
    fields = {"note": moved.note, "job": moved.job, "sweep_at": moved.sweep_at}
    there = {name: value for name, value in fields.items() if value is not None}
    gone = {name: "" for name, value in fields.items() if value is None}
    changes: dict[str, Any] = {"$set": {"state": moved.to.value, "updated_at": moved.at, **there}}
    return where, {**changes, "$unset": gone} if gone else changes


def _received_again(now: datetime) -> dict[str, Any]:
    again = {"state": EventState.RECEIVED.value, "updated_at": now, "sweep_at": now + QUEUED_WITHIN}
    return {"$set": again, "$unset": {"note": "", "job": ""}}
