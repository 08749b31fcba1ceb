"""Fixtures: accounts, faked and in a real MongoDB, behind the same ports; and the words to test them with."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from domain.accounts.api_keys import ApiKey
from domain.accounts.audit import Act, Entry
from domain.accounts.links import Link, Purpose
from domain.accounts.ports import ApiKeys, AuditLog, Links, Sessions, Users
from domain.accounts.sessions import Session
from domain.accounts.users import User
from domain.callers import Role
from domain.infra.account_documents import ACCOUNT_DOCUMENTS
from domain.infra.accounts.api_keys import MongoApiKeys
from domain.infra.accounts.audit import open_audit_log
from domain.infra.accounts.links import MongoLinks
from domain.infra.accounts.sessions import MongoSessions
from domain.infra.accounts.users import MongoUsers
from domain.infra.mongo import CODEC, Database, open_mongo, prepare_accounts
from domain.request_ids import new_request_id
from tests.fakes_accounts import FakeApiKeys, FakeAuditLog, FakeLinks, FakeSessions, FakeUsers
from tests.leaks.ledger import Ledger
from tests.leaks.places import read_row
from tests.servers import kept_database
from tests.strategies import NOON


@dataclass(frozen=True)
class Accounts:
    users: Users
    sessions: Sessions
    keys: ApiKeys
    links: Links
    audit: AuditLog


@pytest.fixture
def fake_accounts() -> Accounts:
    sessions, keys, links = FakeSessions(), FakeApiKeys(), FakeLinks()
    users = FakeUsers(sessions=sessions, keys=keys, links=links)
    return Accounts(users, sessions, keys, links, FakeAuditLog())


@pytest.fixture
async def real_accounts(accounts_database: Database) -> AsyncIterator[Accounts]:
    async with AsyncExitStack() as stack:
        yield await open_accounts(accounts_database, stack)


@pytest.fixture(params=["fake_accounts", "real_accounts"])
def accounts(request: pytest.FixtureRequest) -> Accounts:
    found: Accounts = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def unreachable(nowhere: Database) -> AsyncIterator[Accounts]:
    """The real ones, where nobody listens."""
    async with AsyncExitStack() as stack:
        yield await open_accounts(nowhere, stack)


@pytest.fixture
async def nowhere() -> AsyncIterator[Database]:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient("127.0.0.1", 1, serverSelectionTimeoutMS=10)
    async with client:
        yield client.get_database("nowhere", codec_options=CODEC)


@pytest.fixture
async def accounts_database(accounts_url: str, leaks: Ledger) -> AsyncIterator[Database]:
    """Emptied after each test, and not dropped: to make its indexes anew would cost more than most tests."""
    async with open_mongo(accounts_url) as database:
        await prepare_accounts(database)
        yield database
        for document in ACCOUNT_DOCUMENTS:
            rows = database.get_collection(document.get_collection_name())
            async for row in rows.find({}):
                read_row(leaks, rows.name, row)
            await rows.delete_many({})


@pytest.fixture(scope="session")
def accounts_url(mongo_url: str) -> Iterator[str]:
    yield from kept_database(mongo_url, "accounts")


async def open_accounts(database: Database, stack: AsyncExitStack) -> Accounts:
    audit = await stack.enter_async_context(open_audit_log(database))
    return Accounts(MongoUsers(database), MongoSessions(database), MongoApiKeys(database), MongoLinks(database), audit)


def a_user(**fields: Any) -> User:
    """A confirmed user `ann@acme.example` without a username, with whatever the test cares about."""
    email = fields.get("email", "ann@acme.example")
    usual = {
        "id": new_request_id(),
        "email": email,
        "email_key": email.lower(),
        "password": "hash:a long enough password",
        "confirmed_at": NOON,
        "created_at": NOON,
        "updated_at": NOON,
    }
    return User(**{**usual, **fields})


def a_session(user: User, **fields: Any) -> Session:
    usual = {"id": new_request_id(), "user": user.id, "salt": b"salt", "created_at": NOON, "refreshed_at": NOON}
    return Session(**{**usual, **fields})


def a_key(**fields: Any) -> ApiKey:
    usual = {
        "id": new_request_id(),
        "name": "till",
        "client": "service:till",
        "role": Role.SERVICE,
        "digest": "d1",
        "created_at": NOON,
        "created_by": "user:ann",
    }
    return ApiKey(**{**usual, **fields})


def a_link(user: User, purpose: Purpose = Purpose.CONFIRM, **fields: Any) -> Link:
    usual = {"id": new_request_id(), "email_key": user.email_key, "expires_at": NOON + purpose.lifetime}
    return Link(**{**usual, "user": user.id, "purpose": purpose, **fields})


def an_entry(act: Act = Act.SIGNED_IN, **fields: Any) -> Entry:
    usual = {"id": new_request_id(), "at": NOON, "actor": "user:ann", "subject": "user:ann"}
    return Entry(**{**usual, "act": act, **fields})
