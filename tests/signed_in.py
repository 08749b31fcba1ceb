"""Somebody who signed in and holds a key, the stores that know them, and a directory of callers over these."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from domain.accounts.api_keys import ApiKey
from domain.accounts.key_format import new_key
from domain.accounts.ports import Access
from domain.accounts.sessions import Session
from domain.accounts.users import User
from domain.callers import Caller, Role
from domain.infra.callers import Clocks, FleetCallers
from domain.infra.key_ring import KeyRing
from domain.infra.key_uses import KeyUses
from domain.infra.token_owners import TokenOwners
from domain.infra.tokens import SignedTokens
from domain.request_ids import new_request_id
from tests.fakes import FakeCallers
from tests.fakes_accounts import FakeApiKeys, FakeAuditLog, FakeSessions, FakeUsers
from tests.strategies import NOON

SECRET = "the secret of these tests, 32 characters or more"
ISSUER = "https://gateway.example"
TEN_MINUTES = timedelta(minutes=10)


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.passed = timedelta()

    def now(self) -> datetime:
        return NOON + self.passed

    def seconds(self) -> float:
        return self.passed.total_seconds()

    def move(self, **by: float) -> None:
        self.passed += timedelta(**by)


class SlowUsers(FakeUsers):
    """Counts the questions, and answers them when `answers` is set."""

    def __init__(self, *users: User) -> None:
        super().__init__(*users)
        self.asked = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def find(self, user_id: UUID) -> User | None:
        self.asked += 1
        await self.answers.wait()
        return await super().find(user_id)


class SignedIn:
    """Ada's user, session and key; `callers` know her by either, and the operator by `gwk_operator`."""

    def __init__(self, keys: FakeApiKeys | None = None) -> None:
        self.clock = HandClock()
        self.user = User(
            id=new_request_id(), email="ada@example.com", email_key="ada@example.com", password="hash:x",
            confirmed_at=NOON, created_at=NOON, updated_at=NOON,
        )  # fmt: skip
        self.session = Session(new_request_id(), self.user.id, b"salt", created_at=NOON, refreshed_at=NOON)
        self.users, self.sessions, self.keys = SlowUsers(self.user), FakeSessions(self.session), keys or FakeApiKeys()
        self.audit = FakeAuditLog()
        self.tokens = SignedTokens(KeyRing.of([SECRET]), issuer=ISSUER, clock=self.clock.now)
        self.key, self.key_text = self.add_key()
        owners = TokenOwners(self.tokens, self.users, self.sessions, self.keys)
        self.operator = FakeCallers(gwk_operator=Caller("admin", Role.ADMIN))
        clocks = Clocks(self.clock.now, self.clock.seconds)
        self.callers = FleetCallers(owners, KeyUses(self.keys, self.audit), self.operator, clocks)

    def token(self, lifetime: timedelta = TEN_MINUTES) -> str:
        """A new access token of the session: a second later it is another one."""
        return self.tokens.access(Access(self.user.id, self.session.id, Role.USER, self.clock.now() + lifetime))

    def add_key(self, **fields: Any) -> tuple[ApiKey, str]:
        key_id = new_request_id()
        text, digest = new_key(key_id)
        usual: dict[str, Any] = {"name": "ci", "client": self.user.client, "role": Role.USER, "user": self.user.id}
        of_everybody = {"created_at": NOON, "created_by": self.user.client}
        key = ApiKey(id=key_id, digest=digest, **{**usual, **of_everybody, **fields})
        self.keys.stored[key_id] = key
        return key, text

    def change_user(self, **fields: Any) -> None:
        stored = self.users.stored[self.user.id]
        self.users.stored[self.user.id] = stored.model_copy(update=fields)

    def change_key(self, key: ApiKey, **fields: Any) -> None:
        self.keys.stored[key.id] = replace(key, **fields)

    async def sign_out(self) -> None:
        assert await self.sessions.end(self.session.id, self.user.id, "logout", self.clock.now())

    def take_away_the_stores(self) -> None:
        self.users.down = self.sessions.down = self.keys.down = True
