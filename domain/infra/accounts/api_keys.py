"""Machine clients' keys in MongoDB: found by their id, and compared by whoever asks."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from domain.accounts.api_keys import ApiKey, Scope
from domain.callers import Role
from domain.infra.account_documents import API_KEYS
from domain.infra.accounts.rows import MOST_LISTED, STILL_THERE, Row, collection, row_of, store_faults, values_of
from domain.infra.mongo import Database

A_MINUTE = timedelta(minutes=1)  # between two notes of a key's use: a write for each request would be one too many


class MongoApiKeys:
    """An `ApiKeys`. A revoked key stays: the record of what it did names it."""

    def __init__(self, database: Database) -> None:
        self._keys = collection(database, API_KEYS)

    async def add(self, key: ApiKey) -> None:
        with store_faults():
            await self._keys.insert_one(_row(key))

    async def find(self, key_id: UUID) -> ApiKey | None:
        with store_faults():
            row = await self._keys.find_one({"_id": key_id})
        return None if row is None else _key(row)

    async def list(self, created_by: str | None) -> Sequence[ApiKey]:
        found = self._keys.find({**_of(created_by), "revoked_at": STILL_THERE}).sort("_id", -1)
        with store_faults():
            return [_key(row) for row in await found.limit(MOST_LISTED).to_list(None)]

    async def revoke(self, key_id: UUID, created_by: str | None, now: datetime) -> bool:
        theirs = {"_id": key_id, **_of(created_by), "revoked_at": STILL_THERE}
        with store_faults():
            result = await self._keys.update_one(theirs, {"$set": {"revoked_at": now}})
        return result.matched_count == 1

    async def note_used(self, key_id: UUID, now: datetime) -> None:
        not_lately = [{"used_at": {"$exists": False}}, {"used_at": {"$lte": now - A_MINUTE}}]
        with store_faults():
            await self._keys.update_one({"_id": key_id, "$or": not_lately}, {"$set": {"used_at": now}})


def _of(created_by: str | None) -> Row:
    return {} if created_by is None else {"created_by": {"$eq": created_by}}


def _row(key: ApiKey) -> Row:
    row = row_of(key)
    return row if key.scopes is None else {**row, "scopes": sorted(key.scopes)}


def _key(row: Row) -> ApiKey:
    values = values_of(row, ApiKey)
    scopes = values.get("scopes")
    values["scopes"] = None if scopes is None else frozenset(Scope(scope) for scope in scopes)
    return ApiKey(**{**values, "role": Role(values["role"])})
