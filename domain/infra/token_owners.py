"""Whose a token is, as the stores say at this moment."""

from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from typing import assert_never
from uuid import UUID

from domain.accounts.api_keys import ApiKey
from domain.accounts.key_format import PREFIX, read_key
from domain.accounts.ports import Access, ApiKeys, Sessions, Tokens, Users
from domain.callers import Caller, Role


@dataclass(frozen=True, slots=True)
class ShownKey:
    """What an API key says of itself."""

    id: UUID
    digest: str


Claim = Access | ShownKey


@dataclass(frozen=True, slots=True)
class Owner:
    caller: Caller
    until: datetime | None  # when the token runs out


@dataclass(frozen=True, slots=True)
class TokenOwners:
    tokens: Tokens
    users: Users
    sessions: Sessions
    keys: ApiKeys

    def read(self, token: str, now: datetime) -> Claim | None:
        """What the token claims; None for what is no token of ours. No store is asked."""
        if not token.startswith(PREFIX):
            return self.tokens.read_access(token, now)
        shown = read_key(token)
        return None if shown is None else ShownKey(*shown)

    async def find(self, claim: Claim, now: datetime) -> Owner | None:
        """Who holds it, if they may come in. Raises `Unavailable`."""
        match claim:
            case Access():
                return await self._of_session(claim, now)
            case ShownKey():
                return await self._of_key(claim, now)
            case _:
                assert_never(claim)

    async def _of_session(self, access: Access, now: datetime) -> Owner | None:
        session = await self.sessions.find(access.session)
        if session is None or session.user != access.user or not session.is_live(now):
            return None
        user = await self.users.find(access.user)
        if user is None or not user.may_sign_in:
            return None
        caller = Caller(client=user.client, role=user.role, user=user.id, session=session.id)
        return Owner(caller, min(access.expires_at, session.expires_at))

    async def _of_key(self, shown: ShownKey, now: datetime) -> Owner | None:
        key = await self.keys.find(shown.id)
        if key is None or not compare_digest(key.digest, shown.digest) or not key.is_live(now):
            return None
        if key.user is not None and not await self._lets_act(key.user, key):
            return None
        caller = Caller(client=key.client, role=key.role, user=key.user, key=key.id, scopes=key.scopes, rate=key.rate)
        return Owner(caller, key.expires_at)

    async def _lets_act(self, user_id: UUID, key: ApiKey) -> bool:
        """Whether the user is there, not locked, and still what an admin's key says of them."""
        user = await self.users.find(user_id)
        return user is not None and user.locked_at is None and (key.role is not Role.ADMIN or user.role is Role.ADMIN)
