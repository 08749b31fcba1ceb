"""
Links of mails in MongoDB: one place for each user and purpose, so that a new link voids the one before in one step.

To take a link is to delete it, in one step too.
"""

from datetime import datetime
from uuid import UUID

from pymongo.errors import DuplicateKeyError

from domain.accounts.links import Link, Purpose
from domain.infra.account_documents import LINKS
from domain.infra.accounts.rows import Row, collection, row_of, store_faults, values_of
from domain.infra.mongo import Database


class MongoLinks:
    """A `Links`."""

    def __init__(self, database: Database) -> None:
        self._links = collection(database, LINKS)

    async def add(self, link: Link) -> None:
        with store_faults():
            try:
                await self._put(link)
            except DuplicateKeyError:  # another was put into the empty place at the same instant: replace that
                await self._put(link)

    async def take(self, link_id: UUID, purpose: Purpose, now: datetime) -> Link | None:
        good = {"link": link_id, "purpose": purpose.value, "expires_at": {"$gt": now}}
        with store_faults():
            row = await self._links.find_one_and_delete(good)
        return None if row is None else _link(row)

    async def _put(self, link: Link) -> None:
        place = place_of(link.user, link.purpose)
        await self._links.replace_one({"_id": place}, {**row_of(link), "_id": place, "link": link.id}, upsert=True)


def place_of(user: UUID, purpose: Purpose) -> str:
    return f"{user}:{purpose}"


def _link(row: Row) -> Link:
    return Link(**{**values_of(row, Link), "id": row["link"], "purpose": Purpose(row["purpose"])})
