"""New passwords: by a link or by the old one; refused ones use nothing up, and changed ones end every session."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from api.auth_cases import changing_passwords, renewal, resetting
from domain.accounts.audit import Act
from domain.accounts.changing_passwords import ChangingPasswords, PasswordChange
from domain.accounts.mailed_links import VoidLink
from domain.accounts.mails import Template
from domain.accounts.password_trials import Attempt, PasswordTrials
from domain.accounts.resetting import Resetting
from domain.accounts.sessions import Session
from domain.accounts.users import User
from domain.callers import Role
from domain.errors import Conflict, Forbidden, Invalid, TooMany, Unavailable
from tests.account_stores import a_key
from tests.auth_world import ADDRESS, EMAIL, OTHER_PASSWORD, PASSWORD, AuthWorld
from tests.fakes_accounts import FakeUsers

CHANGE = PasswordChange(PASSWORD, OTHER_PASSWORD)
WRONG = PasswordChange("not this one, sorry", OTHER_PASSWORD)


@pytest.fixture
def case(world: AuthWorld) -> Resetting:
    return resetting(world.accounts)


@pytest.fixture
def changing(world: AuthWorld) -> ChangingPasswords:
    return changing_passwords(world.accounts)


@pytest.fixture
def jane(world: AuthWorld) -> User:
    return world.add_user(username="lovelace", username_key="lovelace")


async def mailed_token(world: AuthWorld, case: Resetting) -> str:
    await case.ask(EMAIL, world.visitor())
    return world.token_of(world.post.mails[-1])


async def test_who_asks_is_mailed_a_link_once_in_five_minutes(world: AuthWorld, case: Resetting, jane: User) -> None:
    for _ in range(3):
        await case.ask(EMAIL, world.visitor())
    assert [(mail.to, mail.template) for mail in world.post.mails] == [(jane.email, Template.RESET)]
    world.move(minutes=5)
    await case.ask(EMAIL, world.visitor())
    assert len(world.post.mails) == 2
    assert set(world.audit.acts) == {Act.PASSWORD_RESET_ASKED}


async def test_nobody_is_looked_for_before_the_pause_is_over(world: AuthWorld, case: Resetting, jane: User) -> None:
    async def pause() -> None:
        assert world.users.down
        world.users.down = False

    world.users.down = True  # asked, it would say so
    await replace(case, pause=pause).ask(EMAIL, world.visitor())
    assert len(world.post.mails) == 1


async def test_nobody_is_mailed_where_there_is_nobody_or_who_is_locked(world: AuthWorld, case: Resetting) -> None:
    world.add_user("locked@example.com", locked_at=world.now)
    for email in ("nobody@example.com", "locked@example.com"):
        await case.ask(email, world.visitor())
    assert not world.post.mails


async def test_a_link_changes_the_password_and_ends_every_session(
    world: AuthWorld, case: Resetting, jane: User, session: Session
) -> None:
    user = await case.reset(await mailed_token(world, case), OTHER_PASSWORD, world.visitor())
    assert world.user(jane).password == f"hash:{OTHER_PASSWORD}"
    assert world.session(session).why_ended == "password"
    assert world.audit.acts == [Act.PASSWORD_RESET_ASKED, Act.PASSWORD_CHANGED]
    for _ in range(2):
        await renewal(world.accounts).tell(user)
    assert [mail.template for mail in world.post.mails] == [Template.RESET, Template.PASSWORD_CHANGED]


async def test_with_the_password_go_the_keys_that_whoever_was_in_may_have_made(
    world: AuthWorld, case: Resetting, jane: User
) -> None:
    theirs = a_key(created_by=jane.client, client=jane.client, user=jane.id)
    services = a_key(created_by=jane.client, client="service:reports", role=Role.SERVICE)
    others = a_key(created_by="user:else")
    for key in (theirs, services, others):
        await world.keys.add(key)
    await case.reset(await mailed_token(world, case), OTHER_PASSWORD, world.visitor())
    revoked = [key.id for key in world.keys.stored.values() if key.revoked_at is not None]
    assert revoked == [theirs.id]
    entry = world.audit.entries[-1]
    assert (entry.act, entry.actor, entry.subject) == (Act.KEY_REVOKED, jane.client, f"key:{theirs.id}")


async def test_it_proves_the_address(world: AuthWorld, case: Resetting) -> None:
    new = world.add_user(confirmed_at=None)
    await case.reset(await mailed_token(world, case), OTHER_PASSWORD, world.visitor())
    assert world.user(new).may_sign_in


async def test_what_others_tried_in_their_name_is_forgotten_and_no_address_gains_by_it(
    world: AuthWorld, case: Resetting, jane: User
) -> None:
    trials = PasswordTrials(world.passwords, world.limit)
    for typed in (f"email:{EMAIL}", "username:lovelace") * 3:
        await trials.hold(Attempt(typed, "wrong", ADDRESS), jane)
    await case.reset(await mailed_token(world, case), OTHER_PASSWORD, world.visitor())
    for typed in (f"email:{EMAIL}", "username:lovelace"):
        assert (await trials.hold(Attempt(typed, OTHER_PASSWORD, ADDRESS), world.user(jane))).right
    assert world.limit.addresses[ADDRESS] == 6


async def test_it_is_good_once_even_if_it_is_asked_for_again_at_once(
    world: AuthWorld, case: Resetting, jane: User
) -> None:
    token = await mailed_token(world, case)
    await case.reset(token, OTHER_PASSWORD, world.visitor())
    await case.ask(EMAIL, world.visitor())
    with pytest.raises(VoidLink):
        await case.reset(token, "something else entirely", world.visitor())
    assert world.user(jane).password == f"hash:{OTHER_PASSWORD}"


async def test_of_two_at_once_one_is_taken(world: AuthWorld, case: Resetting, jane: User) -> None:
    token = await mailed_token(world, case)
    tries = (case.reset(token, password, world.visitor()) for password in (OTHER_PASSWORD, "something else entirely"))
    ends = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(isinstance(end, VoidLink) for end in ends) == [False, True]


@pytest.mark.parametrize(
    "password", ["short", "x" * 1_000_000, "aaaaaaaaaaaaa", "lovelace99"], ids=["short", "long", "repeated", "own name"]
)
async def test_a_refused_password_does_not_use_the_link_up(
    world: AuthWorld, case: Resetting, jane: User, password: str
) -> None:
    token = await mailed_token(world, case)
    with pytest.raises(Invalid) as told:
        await case.reset(token, password, world.visitor())
    assert [fault.pointer for fault in told.value.errors] == ["/password"]
    await case.reset(token, OTHER_PASSWORD, world.visitor())


async def test_neither_does_a_store_that_is_away(world: AuthWorld, case: Resetting, jane: User) -> None:
    token = await mailed_token(world, case)
    world.audit.down = True
    with pytest.raises(Unavailable):
        await case.reset(token, OTHER_PASSWORD, world.visitor())
    world.audit.down = False
    await case.reset(token, OTHER_PASSWORD, world.visitor())


async def test_a_forged_link_costs_no_hash(world: AuthWorld, case: Resetting) -> None:
    with pytest.raises(VoidLink):
        await case.reset("forged", OTHER_PASSWORD, world.visitor())
    assert not world.passwords.hashed


async def test_the_old_password_opens_the_way_to_a_new_one(
    world: AuthWorld, changing: ChangingPasswords, jane: User, session: Session
) -> None:
    await changing.change(jane.id, CHANGE, world.visitor())
    assert world.user(jane).password == f"hash:{OTHER_PASSWORD}"
    assert world.session(session).why_ended == "password"
    assert [(entry.act, entry.actor) for entry in world.audit.entries] == [(Act.PASSWORD_CHANGED, jane.client)]


async def test_a_wrong_old_one_is_counted(world: AuthWorld, changing: ChangingPasswords, jane: User) -> None:
    for _ in range(5):
        with pytest.raises(Forbidden) as told:
            await changing.change(jane.id, WRONG, world.visitor())
        assert (told.value.code, told.value.errors[0].pointer) == ("wrong-password", "/old_password")
    with pytest.raises(TooMany):
        await changing.change(jane.id, CHANGE, world.visitor())
    assert world.user(jane) == jane


@pytest.mark.parametrize("new", ["short", "lovelace99", PASSWORD], ids=["short", "own name", "the old one"])
async def test_a_refused_new_one_is_told_before_the_old_one_is_looked_at(
    world: AuthWorld, changing: ChangingPasswords, jane: User, new: str
) -> None:
    with pytest.raises(Invalid) as told:
        await changing.change(jane.id, PasswordChange(PASSWORD, new), world.visitor())
    assert [fault.pointer for fault in told.value.errors] == ["/new_password"]
    assert not world.passwords.verified


async def test_nothing_is_changed_unrecorded(world: AuthWorld, changing: ChangingPasswords, jane: User) -> None:
    world.audit.down = True
    with pytest.raises(Unavailable):
        await changing.change(jane.id, CHANGE, world.visitor())
    assert world.user(jane) == jane


class OvertakenUsers(FakeUsers):
    """Somebody else changes the user a moment before the first write."""

    def __init__(self, user: User, alter: Callable[[User], User]) -> None:
        super().__init__(user)
        self._alter: Callable[[User], User] | None = alter

    async def change(self, before: User, after: User) -> bool:
        if self._alter is not None:
            stored = self.stored[before.id]
            self.stored[before.id] = self._alter(stored).model_copy(update={"version": stored.version + 1})
            self._alter = None
        return await super().change(before, after)


async def test_a_change_of_something_else_meanwhile_is_kept(world: AuthWorld, jane: User) -> None:
    world.users = OvertakenUsers(jane, lambda user: user.model_copy(update={"name": "Ada"}))
    await changing_passwords(world.accounts).change(jane.id, CHANGE, world.visitor())
    assert (world.user(jane).name, world.user(jane).password) == ("Ada", f"hash:{OTHER_PASSWORD}")


async def test_another_new_password_meanwhile_is_a_conflict(world: AuthWorld, jane: User) -> None:
    world.users = OvertakenUsers(jane, lambda user: user.model_copy(update={"password": "hash:theirs"}))
    with pytest.raises(Conflict):
        await changing_passwords(world.accounts).change(jane.id, CHANGE, world.visitor())
    assert world.user(jane).password == "hash:theirs"
