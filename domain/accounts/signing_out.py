"""Signing out: the session that an access token or a refresh token speaks of ends, and so do both. Twice is as once."""

from dataclasses import dataclass, replace
from uuid import UUID

from domain.accounts.audit import Act
from domain.accounts.doers import Doer
from domain.accounts.ports import AuditLog, Sessions, Tokens


@dataclass(frozen=True, slots=True)
class SigningOut:
    sessions: Sessions
    tokens: Tokens
    audit: AuditLog

    async def sign_out(self, access_token: str | None, refresh_token: str | None, doer: Doer) -> None:
        """Whatever of the two is not good ends nothing. Raises `Unavailable`."""
        access = None if access_token is None else self.tokens.read_access(access_token, doer.at)
        if access is not None:
            await self._end(access.session, access.user, doer)
        said = None if refresh_token is None else self.tokens.read_refresh(refresh_token)
        session = None if said is None else await self.sessions.find(said[0])
        if refresh_token is not None and session is not None and self.tokens.is_of(refresh_token, session):
            await self._end(session.id, session.user, doer)

    async def _end(self, session_id: UUID, user: UUID, doer: Doer) -> None:
        if await self.sessions.end(session_id, user, "logout", doer.at):
            theirs = replace(doer, actor=f"user:{user}")
            self.audit.note(theirs.entry(Act.SIGNED_OUT, f"session:{session_id}", why="logout"))
