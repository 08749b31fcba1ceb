"""Short links in MongoDB, each under its code; where one may lead to is asked of `Destinations`, both ways."""

from datetime import datetime, timedelta

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from domain.commerce.short_links import LIFETIME, Destinations, ShortLink, new_code
from domain.infra.accounts.rows import Row, collection, row_of, store_faults
from domain.infra.commerce_documents import SHORT_LINKS
from domain.infra.mongo import Database


class MongoShortLinks:
    """A `ShortLinks`."""

    def __init__(self, database: Database, destinations: Destinations) -> None:
        self._links = collection(database, SHORT_LINKS)
        self._destinations = destinations

    async def make(self, url: str, now: datetime, *, key: str | None = None, lifetime: timedelta = LIFETIME) -> str:
        self._destinations.check(url)
        link = ShortLink(new_code(), url, now + lifetime, key)
        with store_faults():
            if key is None:
                await self._links.insert_one(row_of(link))
                return link.id
            try:
                return await self._put(link)
            except DuplicateKeyError:  # another was put into the empty place at the same instant: that is its code
                return await self._put(link)

    async def find(self, code: str, now: datetime) -> str | None:
        with store_faults():
            row = await self._links.find_one({"_id": code, "expires_at": {"$gt": now}})
        return row["url"] if row is not None and self._destinations.allow(row["url"]) else None

    async def count(self, code: str) -> None:
        with store_faults():
            await self._links.update_one({"_id": code}, {"$inc": {"followed": 1}})

    async def _put(self, link: ShortLink) -> str:
        found: Row | None = await self._links.find_one_and_update(
            {"key": link.key},
            {"$set": {"url": link.url, "expires_at": link.expires_at}, "$setOnInsert": {"_id": link.id}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return "" if found is None else str(found["_id"])  # an upsert finds what it made
