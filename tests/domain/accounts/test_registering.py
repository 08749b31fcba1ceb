"""Who registers cannot tell whether the address has an account: not by the answer, and not by the work."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from api.auth_cases import registering
from domain.accounts.audit import Act
from domain.accounts.confirming import change_confirmed
from domain.accounts.mails import Template
from domain.accounts.names import read_email, read_username
from domain.accounts.ports import Taken
from domain.accounts.registering import Registering, Registration
from domain.callers import Role
from domain.errors import Unavailable
from tests.auth_world import EMAIL, PASSWORD, AuthWorld

JANE = Registration(read_email("Jane@Example.com"), PASSWORD, read_username("Jane.Doe"), "Jane")


@pytest.fixture
def case(world: AuthWorld) -> Registering:
    return replace(registering(world.accounts), pause_seconds=0)


async def test_a_new_address_gets_an_account_that_opens_nothing_yet(world: AuthWorld, case: Registering) -> None:
    registered = await case.register(JANE, world.visitor())
    (user,) = world.users.stored.values()
    assert registered.is_new
    assert (user.email, user.email_key, user.username, user.name) == ("Jane@Example.com", EMAIL, "Jane.Doe", "Jane")
    assert (user.password, user.role, user.may_sign_in) == (f"hash:{PASSWORD}", Role.USER, False)


async def test_what_nobody_confirms_is_forgotten_after_a_week_and_what_is_confirmed_stays(
    world: AuthWorld, case: Registering
) -> None:
    registered = (await case.register(JANE, world.visitor())).user
    assert registered.forget_at == world.now + timedelta(days=7)
    confirmed = await change_confirmed(world.users, registered.id, world.now, lambda _: {})
    assert confirmed.forget_at is None


async def test_its_owner_is_mailed_a_link(world: AuthWorld, case: Registering) -> None:
    await case.follow_up(await case.register(JANE, world.visitor()), world.visitor())
    (mail,) = world.post.mails
    assert (mail.to, mail.template) == ("Jane@Example.com", Template.CONFIRM)
    assert world.audit.acts == [Act.REGISTERED]


async def test_a_known_address_changes_nothing_and_its_owner_is_told(world: AuthWorld, case: Registering) -> None:
    jane = world.add_user()
    registered = await case.register(JANE, world.visitor())
    await case.follow_up(registered, world.visitor())
    assert not registered.is_new
    assert world.users.stored == {jane.id: jane}
    assert [(mail.to, mail.template) for mail in world.post.mails] == [(jane.email, Template.ALREADY_REGISTERED)]
    assert not world.links.stored


async def test_of_many_tries_the_owner_is_told_once_a_day(world: AuthWorld, case: Registering) -> None:
    world.add_user()
    for _ in range(3):
        await case.follow_up(await case.register(JANE, world.visitor()), world.visitor())
    assert len(world.post.mails) == 1
    world.move(days=1)
    await case.follow_up(await case.register(JANE, world.visitor()), world.visitor())
    assert len(world.post.mails) == 2


async def test_a_hash_is_made_either_way(world: AuthWorld, case: Registering) -> None:
    await case.register(JANE, world.visitor())
    await case.register(JANE, world.visitor())
    assert world.passwords.hashed == [PASSWORD, PASSWORD]


async def test_either_way_takes_as_long_as_the_pause(world: AuthWorld, case: Registering) -> None:
    slow = replace(case, pause_seconds=0.02)
    for _ in range(2):
        begun = time.monotonic()
        await slow.register(JANE, world.visitor())
        assert time.monotonic() - begun >= 0.019  # a timer may be a tick early


async def test_a_taken_username_is_told_before_anything_is_done(world: AuthWorld, case: Registering) -> None:
    world.add_user("other@example.com", username="JANE.DOE", username_key="jane.doe")
    for email in ("jane@example.com", "other@example.com"):
        with pytest.raises(Taken) as told:
            await case.register(replace(JANE, email=read_email(email)), world.visitor())
        assert told.value.field == "username"
    assert (len(world.users.stored), world.passwords.hashed) == (1, [])


async def test_whether_an_account_was_made_does_not_show_by_its_username(world: AuthWorld, case: Registering) -> None:
    """Else one would register a guessed address with a new username, and then look whether that is taken."""
    await case.register(JANE, world.visitor())
    again = await case.register(replace(JANE, email=read_email("own@attacker.example")), world.visitor())
    assert again.is_new


async def test_a_store_that_is_away_is_told(world: AuthWorld, case: Registering) -> None:
    world.users.down = True
    with pytest.raises(Unavailable):
        await case.register(JANE, world.visitor())
