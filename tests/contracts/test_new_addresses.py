"""A change of address on a real MongoDB: what is pending is kept as it is, and of two rivals one wins."""

import asyncio

import pytest

from api.auth_cases import changing_addresses
from api.ports import AccountPorts
from domain.accounts.changing import altered
from domain.accounts.changing_addresses import Moved, NewAddress
from domain.accounts.doers import Doer
from domain.accounts.mailed_links import VoidLink
from domain.accounts.names import read_email
from domain.accounts.ports import Verified
from domain.accounts.profiles import change_profile
from domain.accounts.users import PendingEmail, User
from domain.errors import Conflict
from tests.account_stores import Accounts, a_session, a_user
from tests.fakes_accounts import FakePasswords, FakePost, FakeTokens, fake_accounts
from tests.strategies import NOON

NEW = "ann@new.example"
WISH = NewAddress(read_email(NEW), "whatever it is")
PENDING = PendingEmail(email="Ann@New.example", email_key=NEW, expires_at=NOON)
VISITOR = Doer("", NOON)


class AnyPassword(FakePasswords):
    """Right whatever it is, so that none need stand in the database."""

    async def verify(self, password: str, hashed: str | None) -> Verified:
        return Verified(right=True)


@pytest.fixture
def post() -> FakePost:
    return FakePost()


@pytest.fixture
def ports(accounts: Accounts, post: FakePost) -> AccountPorts:
    stores = {name: getattr(accounts, name) for name in ("users", "sessions", "links", "audit")}
    return fake_accounts(**stores, post=post, passwords=AnyPassword())


async def add(ports: AccountPorts, email: str) -> User:
    user = a_user(email=email)
    await ports.users.add(user)
    return user


async def ask(ports: AccountPorts, post: FakePost, user: User) -> str:
    """The token of the link."""
    case, doer = changing_addresses(ports), Doer(user.client, NOON)
    wish = await case.begin(user, WISH, doer)
    after = await change_profile(user.id, {"pending": wish}, (ports.users, ports.audit), doer)
    await case.follow_up(after, doer)
    link = post.mails[-1].link
    assert link is not None
    return FakeTokens().link(link.id, link.purpose)


async def test_what_is_pending_is_kept_and_taken_away(accounts: Accounts) -> None:
    ann = a_user()
    await accounts.users.add(ann)
    asking = altered(ann, NOON, pending=PENDING)
    assert await accounts.users.change(ann, asking)
    assert await accounts.users.find(ann.id) == asking
    without = altered(asking, NOON, pending=None)
    assert await accounts.users.change(asking, without)
    assert await accounts.users.find(ann.id) == without


async def test_a_pending_address_is_nobodys_yet(accounts: Accounts) -> None:
    await accounts.users.add(a_user(pending=PENDING))
    assert await accounts.users.find_by_name(email_key=NEW) is None
    await accounts.users.add(a_user(email=NEW))


async def test_the_link_moves_the_account_and_is_good_once(ports: AccountPorts, post: FakePost) -> None:
    ann = await add(ports, "ann@acme.example")
    session = a_session(ann)
    await ports.sessions.add(session)
    token = await ask(ports, post, ann)
    await changing_addresses(ports).confirm(token, VISITOR)
    moved = await ports.users.find_by_name(email_key=NEW)
    assert moved is not None
    assert (moved.id, moved.pending) == (ann.id, None)
    assert await ports.users.find_by_name(email_key=ann.email_key) is None
    ended = await ports.sessions.find(session.id)
    assert ended is not None
    assert ended.why_ended == "email"
    with pytest.raises(VoidLink):
        await changing_addresses(ports).confirm(token, VISITOR)


async def test_of_two_who_confirm_one_address_at_once_one_gets_it(ports: AccountPorts, post: FakePost) -> None:
    rivals = [await add(ports, "ann@acme.example"), await add(ports, "bob@acme.example")]
    tokens = [await ask(ports, post, rival) for rival in rivals]
    case = changing_addresses(ports)
    ends = await asyncio.gather(*(case.confirm(token, VISITOR) for token in tokens), return_exceptions=True)
    assert len([end for end in ends if isinstance(end, Moved)]) == 1
    assert [end.code for end in ends if isinstance(end, Conflict)] == ["taken"]
    by_now = [await ports.users.find(rival.id) for rival in rivals]
    assert sorted(user.email == NEW for user in by_now if user is not None) == [False, True]
    assert [user.pending for user in by_now if user is not None] == [None, None]


async def test_a_link_that_is_followed_many_times_at_once_moves_once(ports: AccountPorts, post: FakePost) -> None:
    token = await ask(ports, post, await add(ports, "ann@acme.example"))
    case = changing_addresses(ports)
    ends = await asyncio.gather(*(case.confirm(token, VISITOR) for _ in range(8)), return_exceptions=True)
    assert len([end for end in ends if isinstance(end, Moved)]) == 1
    assert len([end for end in ends if isinstance(end, VoidLink)]) == 7
