"""
The settings as they were told last, in MongoDB: one document for the fleet, written with the entry of a change.

A transaction of both: of processes that start at the same instant one writes, and the others are asked again with what
it wrote. The record is made before the first transaction, which would be refused a collection that is just being made.
"""

from datetime import timedelta
from functools import partial

import msgspec
from pymongo import WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from domain.accounts.audit import Entry
from domain.accounts.settings_changes import Decide, Recorded
from domain.infra.account_documents import AUDIT, SETTINGS
from domain.infra.accounts.audit import KEPT, row_of_entry
from domain.infra.accounts.rows import collection, store_faults
from domain.infra.mongo import Database

ID = "fleet"


class MongoSettingsRecord:
    """A `SettingsRecord`."""

    def __init__(self, database: Database, kept: timedelta = KEPT) -> None:
        self._client = database.client
        self._records = collection(database, SETTINGS)
        self._entries = collection(database, AUDIT)
        self._kept = kept

    async def change(self, decide: Decide) -> Entry | None:
        with store_faults():
            await self._make()
            async with self._client.start_session() as session:
                return await session.with_transaction(
                    partial(self._change, decide),
                    read_concern=ReadConcern("snapshot"),
                    write_concern=WriteConcern(w="majority"),
                )

    async def _make(self) -> None:
        """An empty record, where there is none yet."""
        try:
            await self._records.update_one({"_id": ID}, {"$setOnInsert": {"recorded": ""}}, upsert=True)
        except DuplicateKeyError:
            return  # another process was first

    async def _change(self, decide: Decide, session: AsyncClientSession) -> Entry | None:
        row = await self._records.find_one({"_id": ID}, session=session) or {"recorded": ""}
        before = msgspec.json.decode(row["recorded"], type=Recorded) if row["recorded"] else None
        after, entry = decide(before)
        if after == before:
            return None
        text = msgspec.json.encode(after).decode()
        await self._records.update_one({"_id": ID}, {"$set": {"recorded": text}}, session=session)
        if entry is not None:
            await self._entries.insert_one(row_of_entry(entry, self._kept), session=session)
        return entry
