"""Signing in: one refusal for all who may not, as much work for each, and a session for who may."""

import asyncio
from asyncio import Barrier
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from api.auth_cases import signing_in
from domain.accounts.audit import Act
from domain.accounts.mails import Template
from domain.accounts.ports import Access
from domain.accounts.signing_in import Credentials, SigningIn
from domain.accounts.users import User
from domain.callers import Role
from domain.errors import Forbidden, TooMany, Unauthenticated, Unavailable
from tests.auth_world import ADDRESS, EMAIL, PASSWORD, AuthWorld
from tests.fakes_accounts import FakeUsers

BY_EMAIL = Credentials(PASSWORD, email_key=EMAIL, agent="curl/8")
BY_USERNAME = Credentials(PASSWORD, username_key="jane.doe")
WRONG = replace(BY_EMAIL, password="not this one, sorry")
NOBODYS = Credentials(PASSWORD, email_key="nobody@example.com")


@pytest.fixture
def case(world: AuthWorld) -> SigningIn:
    return signing_in(world.accounts)


@pytest.fixture
def jane(world: AuthWorld) -> User:
    return world.add_user(username="Jane.Doe", username_key="jane.doe", role=Role.ADMIN)


@pytest.mark.parametrize("shown", [BY_EMAIL, BY_USERNAME], ids=["email", "username"])
async def test_the_right_password_begins_a_session(
    world: AuthWorld, case: SigningIn, jane: User, shown: Credentials
) -> None:
    issued = await case.sign_in(shown, world.visitor())
    (session,) = world.sessions.stored.values()
    assert (session.user, session.address, session.agent) == (jane.id, ADDRESS, shown.agent)
    assert world.tokens.is_of(issued.refresh_token, session)
    expires_at = world.now + timedelta(minutes=10)
    assert world.tokens.read_access(issued.access_token, world.now) == Access(
        jane.id, session.id, Role.ADMIN, expires_at
    )
    assert (issued.expires_in, issued.lasts) == (timedelta(minutes=10), timedelta(days=30))
    assert [(entry.act, entry.actor, entry.subject) for entry in world.audit.entries] == [
        (Act.SIGNED_IN, jane.client, jane.client)
    ]


async def test_each_session_has_a_salt_of_its_own(world: AuthWorld, case: SigningIn, jane: User) -> None:
    for _ in range(2):
        await case.sign_in(BY_EMAIL, world.visitor())
    assert len({session.salt for session in world.sessions.stored.values()}) == 2


async def test_whoever_may_not_is_told_the_same(world: AuthWorld, case: SigningIn, jane: User) -> None:
    world.add_user("locked@example.com", locked_at=world.now)
    world.add_user("new@example.com", confirmed_at=None)
    told = set()
    for shown in (
        WRONG,
        NOBODYS,
        replace(BY_EMAIL, email_key="locked@example.com"),
        replace(WRONG, email_key="locked@example.com"),
        replace(WRONG, email_key="new@example.com"),
    ):
        with pytest.raises(Unauthenticated) as refused:
            await case.sign_in(shown, world.visitor())
        told.add((refused.value.detail, refused.value.code, refused.value.errors))
    assert len(told) == 1
    assert len(world.passwords.verified) == 5
    assert not world.sessions.stored


async def test_a_password_is_looked_at_where_there_is_no_user(world: AuthWorld, case: SigningIn) -> None:
    with pytest.raises(Unauthenticated):
        await case.sign_in(NOBODYS, world.visitor())
    assert world.passwords.verified == [None]


async def test_refusals_are_on_record_without_what_was_typed(world: AuthWorld, case: SigningIn, jane: User) -> None:
    for shown in (WRONG, NOBODYS):
        with pytest.raises(Unauthenticated):
            await case.sign_in(shown, world.visitor())
    told = [(entry.act, entry.actor, entry.subject, dict(entry.detail)) for entry in world.audit.entries]
    marks = [world.marks.mark(f"email:{email}") for email in (EMAIL, "nobody@example.com")]
    refused = [{"why": "password", "name": mark} for mark in marks]
    assert told == [(Act.SIGN_IN_REFUSED, "", jane.client, refused[0]), (Act.SIGN_IN_REFUSED, "", "", refused[1])]


async def test_whoever_may_not_for_another_reason_is_on_record_too(world: AuthWorld, case: SigningIn) -> None:
    new = world.add_user(confirmed_at=None)
    with pytest.raises(Forbidden):
        await case.sign_in(BY_EMAIL, world.visitor())
    for _ in range(6):
        with pytest.raises((Unauthenticated, TooMany)):
            await case.sign_in(WRONG, world.visitor())
    entries = [entry for entry in world.audit.entries if entry.act is Act.SIGN_IN_REFUSED]
    assert [entry.detail["why"] for entry in entries] == ["unconfirmed", *["password"] * 5, "limit"]
    assert {(entry.subject, entry.address) for entry in entries} == {(new.client, ADDRESS)}


@pytest.mark.parametrize("shown", [WRONG, NOBODYS], ids=["known", "unknown"])
async def test_after_five_failures_the_sixth_waits(
    world: AuthWorld, case: SigningIn, jane: User, shown: Credentials
) -> None:
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            await case.sign_in(shown, world.visitor())
    with pytest.raises(TooMany) as told:
        await case.sign_in(replace(shown, password=PASSWORD), world.visitor())
    assert told.value.retry_after == timedelta(minutes=15)
    assert len(world.passwords.verified) == 5


async def test_after_twenty_failures_an_address_waits_whatever_it_tries(
    world: AuthWorld, case: SigningIn, jane: User
) -> None:
    for number in range(20):
        with pytest.raises(Unauthenticated):
            await case.sign_in(replace(NOBODYS, email_key=f"{number}@example.com"), world.visitor())
    with pytest.raises(TooMany):
        await case.sign_in(BY_EMAIL, world.visitor())
    await case.sign_in(BY_EMAIL, replace(world.visitor(), address="198.51.100.1"))


async def test_a_second_name_is_no_second_budget_and_does_not_say_whose_it_is(
    world: AuthWorld, case: SigningIn, jane: User
) -> None:
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            await case.sign_in(WRONG, world.visitor())
    with pytest.raises(Unauthenticated):  # not TooMany: that would tell that these two names are of one account
        await case.sign_in(BY_USERNAME, replace(world.visitor(), address="198.51.100.1"))
    assert not world.sessions.stored


async def test_a_success_forgets_the_failures(world: AuthWorld, case: SigningIn, jane: User) -> None:
    for _ in range(4):
        with pytest.raises(Unauthenticated):
            await case.sign_in(WRONG, world.visitor())
    await case.sign_in(BY_EMAIL, world.visitor())
    for _ in range(4):
        with pytest.raises(Unauthenticated):
            await case.sign_in(WRONG, world.visitor())
    await case.sign_in(BY_EMAIL, world.visitor())
    assert world.limit.addresses[ADDRESS] == 8


async def test_what_could_not_be_looked_at_is_no_failure(world: AuthWorld, case: SigningIn, jane: User) -> None:
    world.passwords.busy = True
    with pytest.raises(Unavailable):
        await case.sign_in(BY_EMAIL, world.visitor())
    assert not +world.limit.accounts
    assert not +world.limit.addresses


async def test_the_right_password_of_an_unconfirmed_address_gets_one_new_link(
    world: AuthWorld, case: SigningIn
) -> None:
    world.add_user(confirmed_at=None)
    for _ in range(2):
        with pytest.raises(Forbidden) as told:
            await case.sign_in(BY_EMAIL, world.visitor())
        assert told.value.code == "unconfirmed"
    assert [mail.template for mail in world.post.mails] == [Template.CONFIRM]
    assert not world.sessions.stored


async def test_a_hash_of_former_cost_is_replaced(world: AuthWorld, case: SigningIn, jane: User) -> None:
    world.users.stored[jane.id] = jane.model_copy(update={"password": f"old:{PASSWORD}"})
    await case.sign_in(BY_EMAIL, world.visitor())
    assert (world.user(jane).password, world.user(jane).version) == (f"hash:{PASSWORD}", 1)


class ChangingUsers(FakeUsers):
    """Somebody changes the user while they sign in."""

    def __init__(self, user: User, **change: object) -> None:
        super().__init__(user)
        self._change = change

    async def find(self, user_id: UUID) -> User | None:
        user = await super().find(user_id)
        return None if user is None else user.model_copy(update=self._change)


@pytest.mark.parametrize(
    "change",
    [{"locked_at": AuthWorld().now}, {"password": "hash:another"}, {"email_key": "jane@new.example"}],
    ids=["lock", "password", "address"],
)
async def test_a_session_that_a_lock_or_a_new_password_or_address_could_not_see_ends_itself(
    world: AuthWorld, jane: User, change: dict[str, object]
) -> None:
    world.users = ChangingUsers(jane, **change)
    with pytest.raises(Unauthenticated):
        await signing_in(world.accounts).sign_in(BY_EMAIL, world.visitor())
    assert [session.why_ended for session in world.sessions.stored.values()] == ["revoked"]


async def test_nobody_signs_in_unrecorded(world: AuthWorld, case: SigningIn, jane: User) -> None:
    world.audit.down = True
    with pytest.raises(Unavailable):
        await case.sign_in(BY_EMAIL, world.visitor())
    assert not world.sessions.stored


async def test_of_two_who_sign_in_at_once_by_a_hash_of_former_parameters_both_get_in(
    world: AuthWorld, case: SigningIn, jane: User
) -> None:
    world.users.stored[jane.id] = jane.model_copy(update={"password": f"old:{PASSWORD}"})
    both = Barrier(2)
    change = world.users.change

    async def change_together(before: User, after: User) -> bool:
        await both.wait()
        return await change(before, after)

    world.users.change = change_together  # type: ignore[method-assign]
    async with asyncio.timeout(5):
        await asyncio.gather(*(case.sign_in(BY_EMAIL, world.visitor()) for _ in range(2)))
    assert len(await world.sessions.list_live(jane.id, world.now)) == 2
    assert world.user(jane).password == f"hash:{PASSWORD}"
