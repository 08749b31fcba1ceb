"""Keys of requests in MongoDB: the first body under each is remembered, for as long as the index lets it."""

from datetime import datetime, timedelta
from hashlib import sha256

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from domain.infra.accounts.rows import Row, collection, store_faults
from domain.infra.commerce_documents import REQUEST_KEYS
from domain.infra.mongo import Database

LIFETIME = timedelta(hours=24)


class MongoRequestKeys:
    """A `RequestKeys`."""

    def __init__(self, database: Database) -> None:
        self._keys = collection(database, REQUEST_KEYS)

    async def claim(self, client: str, key: str, fingerprint: str, now: datetime) -> str:
        name = sha256(f"{client}\n{key}".encode()).hexdigest()
        with store_faults():
            try:
                return await self._put(name, fingerprint, now)
            except DuplicateKeyError:  # another was put into the empty place at the same instant: that was first
                return await self._put(name, fingerprint, now)

    async def _put(self, name: str, fingerprint: str, now: datetime) -> str:
        found: Row | None = await self._keys.find_one_and_update(
            {"_id": name},
            {"$setOnInsert": {"fingerprint": fingerprint, "expires_at": now + LIFETIME}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return fingerprint if found is None else str(found["fingerprint"])  # an upsert finds what it made
