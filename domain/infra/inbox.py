"""
The inbox by group commit: an event is stored durably before its vendor hears that we have it.

As at the jobs' intake, what arrived during the last write goes into the next. An id that is there
already is no error: vendors send again what they got no answer to.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from bson import encode
from bson.raw_bson import RawBSONDocument
from pymongo import ReadPreference
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from domain.errors import Unavailable
from domain.infra.background import in_background
from domain.infra.batching import Batcher
from domain.infra.inserts import DUPLICATE_KEY, insert_each
from domain.infra.intake import LARGEST_BATCH, WAITING_ROOM, Queueing
from domain.infra.mongo import CODEC, Database
from domain.infra.queue import Queue
from domain.jobs import Priority
from domain.ports import Queued, StoredEvent
from domain.webhooks import EVENTS, EventState, WebhookEvent

LARGEST_BACKLOG = 64 * 1024 * 1024  # bytes that wait to be stored: a burst of large bodies must not fill the memory

log = structlog.get_logger()


class MongoInbox:
    """A `WebhookInbox`."""

    def __init__(self, writer: Batcher["Entry", StoredEvent], queueing: Queueing) -> None:
        self._writer = writer
        self._queueing = queueing
        self._waiting_bytes = 0

    async def take_in(self, event: WebhookEvent) -> StoredEvent:
        # Encoded here, each in its own request: a document that BSON refuses fails alone.
        document = encode(event.model_dump(by_alias=True, exclude_none=True), codec_options=CODEC)
        if self._waiting_bytes + len(document) > LARGEST_BACKLOG:
            raise Unavailable("too much is waiting to be stored; send it again in a second")
        self._waiting_bytes += len(document)
        try:
            stored = await self._writer.submit(Entry.of(event, document))
        finally:
            self._waiting_bytes -= len(document)
        if stored is StoredEvent.NEW and event.state is EventState.RECEIVED:
            self._queueing.add(Queued(event.id, EVENTS, Priority.NORMAL, event.received_at))
        return stored


@dataclass(frozen=True, slots=True)
class Entry:
    """An event on its way into the collection, and what tells whether it is there already."""

    vendor: str
    webhook_id: str
    body_hash: str
    document: RawBSONDocument

    @classmethod
    def of(cls, event: WebhookEvent, document: bytes) -> "Entry":
        return cls(event.vendor, event.webhook_id, event.body_hash, RawBSONDocument(document))

    def beside(self, stored_hash: str | None) -> StoredEvent | Exception:
        """What this one is beside the stored one of its id; None: no majority has that one yet."""
        if stored_hash is None:  # its own sender waits for the majority too
            return Unavailable("the same event is just being stored; send it again")
        return StoredEvent.DUPLICATE if stored_hash == self.body_hash else StoredEvent.CONFLICTING


class _Collection:
    """The writer's work: one insert a batch, and one look at those whose ids were there."""

    def __init__(self, database: Database) -> None:
        self._events = database.get_collection("webhook_events")
        self._majority = self._events.with_options(
            read_concern=ReadConcern("majority"), read_preference=ReadPreference.PRIMARY
        )

    async def store(self, entries: Sequence[Entry]) -> list[StoredEvent | Exception]:
        try:
            refused = await insert_each(self._events, [entry.document for entry in entries])
            stored = await self._stored_hashes([entries[at] for at, code in refused.items() if code == DUPLICATE_KEY])
        except PyMongoError as fault:
            log.warning("mongodb did not confirm a write", fault=type(fault).__name__)
            raise Unavailable("the event could not be stored durably just now; send it again") from fault
        answers: list[StoredEvent | Exception] = [StoredEvent.NEW] * len(entries)
        for at, code in refused.items():
            entry = entries[at]
            answers[at] = (
                entry.beside(stored.get((entry.vendor, entry.webhook_id)))
                if code == DUPLICATE_KEY
                else Unavailable(f"MongoDB refused the event (code {code}); send it again")
            )
        return answers

    async def _stored_hashes(self, entries: Sequence[Entry]) -> dict[tuple[str, str], str]:
        """By vendor and id, as a majority knows them: what might still be rolled back is not acknowledged."""
        if not entries:
            return {}
        ids: defaultdict[str, set[str]] = defaultdict(set)
        for entry in entries:
            ids[entry.vendor].add(entry.webhook_id)
        where: dict[str, Any] = {
            "$or": [{"vendor": vendor, "webhook_id": {"$in": sorted(of_it)}} for vendor, of_it in ids.items()]
        }
        found = self._majority.find(where, {"vendor": 1, "webhook_id": 1, "body_hash": 1})
        return {(event["vendor"], event["webhook_id"]): event["body_hash"] async for event in found}


@asynccontextmanager
async def open_inbox(database: Database, queue: Queue) -> AsyncIterator[MongoInbox]:
    """The inbox of one process; closing it stores what was handed in."""
    queueing = Queueing(queue)
    work = _Collection(database).store
    async with (
        in_background(queueing.run()),
        Batcher(work, largest=LARGEST_BATCH, waiting_room=WAITING_ROOM) as writer,
    ):
        yield MongoInbox(writer, queueing)
