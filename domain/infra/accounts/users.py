"""
Users in MongoDB. Two unique indexes hold that an address and a username are one user's, whoever asks at the same time.

What strangers typed is compared by `$eq` alone, so that it is never read as an operator.
"""

from collections.abc import Sequence
from uuid import UUID

from pymongo.errors import DuplicateKeyError

from domain.accounts.links import Purpose
from domain.accounts.ports import Taken
from domain.accounts.users import User
from domain.infra.account_documents import API_KEYS, LINKS, SESSIONS, USERS
from domain.infra.accounts.links import place_of
from domain.infra.accounts.rows import Row, collection, store_faults
from domain.infra.mongo import Database


class MongoUsers:
    """A `Users`."""

    def __init__(self, database: Database) -> None:
        self._users = collection(database, USERS)
        self._sessions = collection(database, SESSIONS)
        self._keys = collection(database, API_KEYS)
        self._links = collection(database, LINKS)

    async def add(self, user: User) -> None:
        with store_faults():
            try:
                await self._users.insert_one(_row(user))
            except DuplicateKeyError as fault:
                if "_id" not in _index_hit(fault):  # else it is there: an earlier try whose answer was lost
                    raise await self._taken(fault, user) from None

    async def find(self, user_id: UUID) -> User | None:
        with store_faults():
            row = await self._users.find_one({"_id": user_id})
        return None if row is None else _user(row)

    async def find_by_name(self, email_key: str | None = None, username_key: str | None = None) -> User | None:
        given = {"email_key": email_key, "username_key": username_key}
        wanted = {name: {"$eq": key} for name, key in given.items() if key is not None}
        if not wanted:
            return None
        with store_faults():
            row = await self._users.find_one(wanted)
        return None if row is None else _user(row)

    async def list(self, limit: int, before: UUID | None = None) -> Sequence[User]:
        older = {} if before is None else {"_id": {"$lt": before}}
        with store_faults():
            rows = await self._users.find(older).sort("_id", -1).limit(limit).to_list(None)
        return [_user(row) for row in rows]

    async def change(self, before: User, after: User) -> bool:
        if (after.id, after.version) != (before.id, before.version + 1):
            raise ValueError("a change is of one user, and to the next version")
        with store_faults():
            try:
                result = await self._users.update_one({"_id": before.id, "version": before.version}, _update(after))
            except DuplicateKeyError as fault:
                raise await self._taken(fault, after) from None
        return result.matched_count == 1

    async def remove(self, user: User) -> None:
        """
        The user last: a crash before leaves somebody who can ask again, and none of their doors open.

        Then once more what a sign-in under way has made meanwhile; of what comes later still no user is found.
        """
        with store_faults():
            await self._close_doors(user)
            await self._users.delete_one({"_id": user.id})
            await self._close_doors(user)

    async def _close_doors(self, user: User) -> None:
        await self._keys.delete_many({"user": user.id})
        await self._links.delete_many({"_id": {"$in": [place_of(user.id, purpose) for purpose in Purpose]}})
        await self._sessions.delete_many({"user": user.id})

    async def _taken(self, fault: DuplicateKeyError, user: User) -> Taken:
        """MongoDB names the first index that it hit: where both are, the username is told of, and not the address."""
        if "username_key" in _index_hit(fault):
            return Taken("username")
        if user.username_key is None:
            return Taken("email")
        namesake = {"username_key": {"$eq": user.username_key}, "_id": {"$ne": user.id}}
        found = await self._users.find_one(namesake, {"_id": 1})
        return Taken("email" if found is None else "username")


def _index_hit(fault: DuplicateKeyError) -> Row:
    hit: Row = (fault.details or {}).get("keyPattern", {})
    return hit


def _row(user: User) -> Row:
    return {"_id": user.id, **user.model_dump(exclude={"id"}, exclude_none=True)}


def _user(row: Row) -> User:
    return User.model_validate({**row, "id": row["_id"]})


def _update(after: User) -> Row:
    """Field by field: what a newer version of this program wrote besides stays."""
    values = after.model_dump(exclude={"id"})
    gone = {name: "" for name, value in values.items() if value is None}
    update = {"$set": {name: value for name, value in values.items() if value is not None}}
    return {**update, "$unset": gone} if gone else update
