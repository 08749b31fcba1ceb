"""Accounts on fakes, with a clock that stands still until it is moved, and the mails that were sent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from httpx import ASGITransport, AsyncClient
from litestar.types import ASGIApp

from api.ports import AccountPorts, ApiPorts
from domain.accounts.doers import Doer
from domain.accounts.mails import Mail
from domain.accounts.marks import marks_of_this_process
from domain.accounts.sessions import Session
from domain.accounts.users import User
from domain.callers import Caller
from domain.infra.token_owners import TokenOwners
from domain.request_ids import new_request_id
from tests.api.apps import app_of
from tests.fakes_accounts import (
    FakeApiKeys,
    FakeAuditLog,
    FakeLinks,
    FakePasswords,
    FakePost,
    FakeSessions,
    FakeSignInLimit,
    FakeTokens,
    FakeUsers,
    fake_accounts,
)
from tests.strategies import NOON

ADDRESS = "192.0.2.7"
EMAIL = "jane@example.com"
PASSWORD = "four unrelated words here"
OTHER_PASSWORD = "and quite another four"
SHOP = "https://shop.example"  # whose pages may use the cookie


class AuthWorld:
    def __init__(self) -> None:
        self.now = NOON
        self.sessions, self.keys, self.links = FakeSessions(), FakeApiKeys(), FakeLinks()
        self.users: FakeUsers = FakeUsers(sessions=self.sessions, keys=self.keys, links=self.links)
        self.audit, self.passwords, self.tokens = FakeAuditLog(), FakePasswords(), FakeTokens()
        self.post, self.limit = FakePost(), FakeSignInLimit()
        self.marks = marks_of_this_process()

    @property
    def accounts(self) -> AccountPorts:
        return fake_accounts(
            users=self.users,
            sessions=self.sessions,
            keys=self.keys,
            links=self.links,
            audit=self.audit,
            passwords=self.passwords,
            tokens=self.tokens,
            post=self.post,
            sign_ins=self.limit,
            marks=self.marks,
            origins=frozenset({SHOP}),
            clock=lambda: self.now,
        )

    def move(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now

    def visitor(self) -> Doer:
        return Doer("", self.now, ADDRESS, "trace")

    def add_user(self, email: str = EMAIL, **fields: Any) -> User:
        """Somebody who may sign in with `PASSWORD`, but for what `fields` say."""
        usual = {"password": f"hash:{PASSWORD}", "confirmed_at": self.now}
        times = {"created_at": self.now, "updated_at": self.now}
        user = User(id=new_request_id(), email=email, email_key=email.lower(), **{**usual, **times, **fields})
        self.users.stored[user.id] = user
        return user

    def add_session(self, user: User) -> Session:
        session = Session(new_request_id(), user.id, b"salt", created_at=self.now, refreshed_at=self.now)
        self.sessions.stored[session.id] = session
        return session

    def user(self, user: User) -> User:
        """The same user as they are by now."""
        return self.users.stored[user.id]

    def session(self, session: Session) -> Session:
        return self.sessions.stored[session.id]

    def token_of(self, mail: Mail) -> str:
        """What the mail's link ends in."""
        assert mail.link is not None
        return self.tokens.link(mail.link.id, mail.link.purpose)

    async def find(self, bearer_token: str, address: str = "", begun: datetime | None = None) -> Caller | None:
        """A `CallerDirectory` that remembers nothing."""
        owners = TokenOwners(self.tokens, self.users, self.sessions, self.keys)
        claim = owners.read(bearer_token, begun or self.now)
        owner = None if claim is None else await owners.find(claim, self.now)
        return None if owner is None else owner.caller

    def app(self, ports: ApiPorts) -> ASGIApp:
        return app_of(replace(ports, callers=self, accounts=self.accounts))

    @asynccontextmanager
    async def open_client(self, ports: ApiPorts) -> AsyncIterator[AsyncClient]:
        """By https, so that it keeps the cookie and sends it back."""
        transport = ASGITransport(self.app(ports))  # type: ignore[arg-type]
        async with AsyncClient(transport=transport, base_url="https://gateway.test") as client:
            yield client
