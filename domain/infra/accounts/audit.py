"""The record of who did what, in MongoDB: written at once what must be on record, the rest behind the answer's back."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog
from pymongo.errors import BulkWriteError, DuplicateKeyError

from domain.accounts.audit import Act, Entry
from domain.accounts.ports import AuditFilter
from domain.infra.account_documents import AUDIT
from domain.infra.accounts.note_queue import NoteQueue
from domain.infra.accounts.rows import Row, Rows, collection, row_of, store_faults, values_of
from domain.infra.mongo import Database

KEPT = timedelta(days=400)  # a year, and time to look back on it
DUPLICATE_KEY = 11000  # MongoDB's code

log = structlog.get_logger()


class MongoAuditLog:
    """An `AuditLog`. An entry that is written twice, because an answer was lost, is there once."""

    def __init__(self, entries: Rows, notes: NoteQueue[Row], kept: timedelta) -> None:
        self._entries = entries
        self._notes = notes
        self._kept = kept

    async def write(self, entry: Entry) -> None:
        with store_faults():
            try:
                await self._entries.insert_one(row_of_entry(entry, self._kept))
            except DuplicateKeyError:
                return

    def note(self, entry: Entry) -> None:
        self._notes.add(row_of_entry(entry, self._kept))

    async def list(self, which: AuditFilter) -> Sequence[Entry]:
        found = self._entries.find(_conditions(which)).sort("_id", -1)
        with store_faults():
            return [_entry(row) for row in await found.limit(which.limit).to_list(None)]


@asynccontextmanager
async def open_audit_log(database: Database, kept: timedelta = KEPT) -> AsyncIterator[MongoAuditLog]:
    """The log of one process; closing it writes down what was noted."""
    entries = collection(database, AUDIT)

    async def write(lot: Sequence[Row]) -> None:
        await _write_all(entries, lot)

    async with NoteQueue(write) as notes:
        yield MongoAuditLog(entries, notes, kept)


def row_of_entry(entry: Entry, kept: timedelta) -> Row:
    return {**row_of(entry), "detail": dict(entry.detail), "expire_at": entry.at + kept}


async def _write_all(entries: Rows, lot: Sequence[Row]) -> None:
    """Raises `Unavailable` where a majority did not say that it has them."""
    with store_faults():
        try:
            await entries.insert_many(lot, ordered=False)
        except BulkWriteError as fault:
            if fault.details.get("writeConcernErrors"):
                raise
            refused = [error["code"] for error in fault.details.get("writeErrors", ())]
        else:
            return
    lost = [code for code in refused if code != DUPLICATE_KEY]
    if lost:
        log.error("notes cannot be written", left=len(lost), codes=sorted(set(lost)))


def _conditions(which: AuditFilter) -> Row:
    given = {"actor": which.actor, "subject": which.subject, "act": which.act and which.act.value}
    wanted: Row = {name: {"$eq": value} for name, value in given.items() if value is not None}
    return wanted if which.before is None else {**wanted, "_id": {"$lt": which.before}}


def _entry(row: Row) -> Entry:
    return Entry(**{**values_of(row, Entry), "act": Act(row["act"])})
