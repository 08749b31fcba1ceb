"""
Refreshing: a refresh token becomes the next one, and a new access token.

Of two refreshes at once one rotates; the other reads again, finds its token to be the one before, and is given the same
successor. A token older than that was copied from somebody: the session ends, for the thief and for its owner.
"""

from dataclasses import dataclass
from typing import assert_never

from domain.accounts.audit import Act
from domain.accounts.doers import Doer
from domain.accounts.issuing import Issued, issue
from domain.accounts.ports import AuditLog, Sessions, Tokens, Users
from domain.accounts.sessions import Session, Shown
from domain.accounts.users import User
from domain.errors import Unauthenticated, Unavailable

TRIES = 5


@dataclass(frozen=True, slots=True)
class Refreshing:
    users: Users
    sessions: Sessions
    tokens: Tokens
    audit: AuditLog

    async def refresh(self, token: str, doer: Doer) -> Issued:
        """Raises `Unauthenticated` in the same words for whatever is not good, and `Unavailable`."""
        for _ in range(TRIES):
            session, number = await self._session_of(token)
            match session.weigh(number, doer.at):
                case Shown.NEWEST:
                    user = await self._user_of(session)
                    rotated = await self.sessions.rotate(session, doer.at, doer.address)
                    if rotated is not None:
                        return issue(self.tokens, user, rotated, doer.at)
                case Shown.LOST_ANSWER:
                    return issue(self.tokens, await self._user_of(session), session, doer.at)
                case Shown.REUSED:
                    await self._end(session, doer)
                    raise _refusal()
                case Shown.OVER:
                    raise _refusal()
                case never:
                    assert_never(never)
        raise Unavailable("this session is refreshed by many at once; try again")

    async def _session_of(self, token: str) -> tuple[Session, int]:
        said = self.tokens.read_refresh(token)
        session = None if said is None else await self.sessions.find(said[0])
        if said is None or session is None or not self.tokens.is_of(token, session):
            raise _refusal()
        return session, said[1]

    async def _user_of(self, session: Session) -> User:
        user = await self.users.find(session.user)
        if user is None or not user.may_sign_in:
            raise _refusal()
        return user

    async def _end(self, session: Session, doer: Doer) -> None:
        """The end comes first: a record that cannot be written must not keep a thief signed in."""
        if await self.sessions.end(session.id, session.user, "reuse", doer.at):
            owner = f"user:{session.user}"
            await self.audit.write(doer.entry(Act.REFRESH_REUSED, owner, session=str(session.id)))


def _refusal() -> Unauthenticated:
    return Unauthenticated("this refresh token is not good, or not any more; sign in again", code="refresh-refused")
