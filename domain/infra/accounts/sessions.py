"""
Sessions in MongoDB. A refresh is one atomic step on the session's number: of two at the same instant one gets it.

A session that has ended stays until some days after it would have run out, so that its tokens are still known.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from pymongo import ReturnDocument

from domain.accounts.sessions import Session
from domain.infra.account_documents import SESSIONS
from domain.infra.accounts.rows import MOST_LISTED, STILL_THERE, Row, collection, row_of, store_faults, values_of
from domain.infra.mongo import Database


class MongoSessions:
    """A `Sessions`."""

    def __init__(self, database: Database) -> None:
        self._sessions = collection(database, SESSIONS)

    async def add(self, session: Session) -> None:
        with store_faults():
            await self._sessions.insert_one({**row_of(session), "expires_at": session.expires_at})

    async def find(self, session_id: UUID) -> Session | None:
        with store_faults():
            row = await self._sessions.find_one({"_id": session_id})
        return None if row is None else _session(row)

    async def rotate(self, session: Session, now: datetime, address: str) -> Session | None:
        newest = {"_id": session.id, "number": session.number, **_live(now)}
        until = replace(session, refreshed_at=now).expires_at
        said = {"refreshed_at": now, "expires_at": until, "address": address}
        with store_faults():
            row = await self._sessions.find_one_and_update(
                newest, {"$set": said, "$inc": {"number": 1}}, return_document=ReturnDocument.AFTER
            )
        return None if row is None else _session(row)

    async def end(self, session_id: UUID, user: UUID, why: str, now: datetime) -> bool:
        with store_faults():
            result = await self._sessions.update_one(
                {"_id": session_id, "user": user, **_live(now)}, {"$set": {"ended_at": now, "why_ended": why}}
            )
        return result.matched_count == 1

    async def end_all(self, user: UUID, why: str, now: datetime, but: UUID | None = None) -> int:
        theirs: Row = {"user": user, **_live(now)}
        if but is not None:
            theirs["_id"] = {"$ne": but}
        with store_faults():
            result = await self._sessions.update_many(theirs, {"$set": {"ended_at": now, "why_ended": why}})
        return result.matched_count

    async def list_live(self, user: UUID, now: datetime) -> Sequence[Session]:
        found = self._sessions.find({"user": user, **_live(now)}).sort("_id", -1)
        with store_faults():
            return [_session(row) for row in await found.limit(MOST_LISTED).to_list(None)]


def _live(now: datetime) -> Row:
    return {"ended_at": STILL_THERE, "expires_at": {"$gt": now}}


def _session(row: Row) -> Session:
    return Session(**values_of(row, Session))
