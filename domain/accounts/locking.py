"""
Locking a user out: nothing of theirs opens any door until an admin unlocks them.

It is on record before it is done, so nothing is done unrecorded; a store that fails in between leaves an entry of what
was tried, and the admin, who was told so, tries again.
"""

from dataclasses import dataclass
from uuid import UUID

from domain.accounts.audit import Act
from domain.accounts.changing import altered, change_user, no_such_user
from domain.accounts.doers import Doer
from domain.accounts.ports import AuditLog, Sessions, Users
from domain.accounts.users import User
from domain.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Locks:
    users: Users
    sessions: Sessions
    audit: AuditLog

    async def lock(self, user_id: UUID, doer: Doer) -> User:
        """The user, locked, with all sessions ended. Done twice it changes nothing more. Raises `NotFound`."""
        user = await self._find(user_id)
        if user.client == doer.actor:
            raise Forbidden("an admin cannot lock themselves; another admin may")
        if user.locked_at is None:
            await self.audit.write(doer.entry(Act.LOCKED, user.client))
            user = await change_user(self.users, user_id, lambda user: _locked(user, doer))
        await self.sessions.end_all(user_id, "lock", doer.at)
        return user

    async def unlock(self, user_id: UUID, doer: Doer) -> User:
        """The user, who may sign in again: what was ended stays so. Raises `NotFound`."""
        user = await self._find(user_id)
        if user.locked_at is None:
            return user
        await self.audit.write(doer.entry(Act.UNLOCKED, user.client))
        return await change_user(
            self.users, user_id, lambda user: altered(user, doer.at, locked_at=None, locked_by=None)
        )

    async def _find(self, user_id: UUID) -> User:
        user = await self.users.find(user_id)
        if user is None:
            raise no_such_user()
        return user


def _locked(user: User, doer: Doer) -> User:
    """Of two who lock at the same time the first is the one who did."""
    if user.locked_at is not None:
        return user
    return altered(user, doer.at, locked_at=doer.at, locked_by=doer.actor, pending=None)
