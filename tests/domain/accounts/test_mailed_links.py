"""Links of mails: one in five minutes, good once, and void when what they were made of has changed."""

import asyncio

import pytest

from api.auth_cases import confirming
from domain.accounts.audit import Act
from domain.accounts.confirming import Confirming
from domain.accounts.links import Purpose
from domain.accounts.mailed_links import MailedLinks, VoidLink
from domain.accounts.users import User
from tests.auth_world import AuthWorld


@pytest.fixture
def mailed(world: AuthWorld) -> MailedLinks:
    return MailedLinks(world.users, world.links, world.tokens, world.post)


@pytest.fixture
def case(world: AuthWorld) -> Confirming:
    return confirming(world.accounts)


@pytest.fixture
def jane(world: AuthWorld) -> User:
    return world.add_user(confirmed_at=None, username="Jane.Doe")


async def newest_token(world: AuthWorld, mailed: MailedLinks, user: User, purpose: Purpose = Purpose.CONFIRM) -> str:
    await mailed.send(user, purpose, world.now)
    return world.token_of(world.post.mails[-1])


async def test_asked_for_again_soon_it_is_the_same_mail(world: AuthWorld, mailed: MailedLinks, jane: User) -> None:
    first = await newest_token(world, mailed, jane)
    world.move(minutes=4)
    assert await newest_token(world, mailed, jane) == first
    assert len(world.post.mails) == 1
    await mailed.take(first, Purpose.CONFIRM, world.now)


async def test_later_it_is_another_and_the_earlier_one_is_void(
    world: AuthWorld, mailed: MailedLinks, jane: User
) -> None:
    first = await newest_token(world, mailed, jane)
    world.move(minutes=5)
    second = await newest_token(world, mailed, jane)
    with pytest.raises(VoidLink):
        await mailed.take(first, Purpose.CONFIRM, world.now)
    assert (await mailed.take(second, Purpose.CONFIRM, world.now)).user == jane


async def test_a_link_confirms_the_address_and_takes_the_username(
    world: AuthWorld, mailed: MailedLinks, case: Confirming, jane: User
) -> None:
    await case.confirm(await newest_token(world, mailed, jane), world.visitor())
    confirmed = world.user(jane)
    assert (confirmed.may_sign_in, confirmed.username_key) == (True, "jane.doe")
    assert [(entry.act, entry.actor) for entry in world.audit.entries] == [(Act.CONFIRMED, jane.client)]


async def test_where_another_has_the_username_by_now_the_address_is_confirmed_all_the_same(
    world: AuthWorld, mailed: MailedLinks, case: Confirming, jane: User
) -> None:
    world.add_user("quick@example.com", username="jane.doe", username_key="jane.doe")
    await case.confirm(await newest_token(world, mailed, jane), world.visitor())
    assert (world.user(jane).may_sign_in, world.user(jane).username) == (True, None)


async def test_it_is_good_once(world: AuthWorld, mailed: MailedLinks, case: Confirming, jane: User) -> None:
    token = await newest_token(world, mailed, jane)
    await case.confirm(token, world.visitor())
    with pytest.raises(VoidLink):
        await case.confirm(token, world.visitor())


async def test_of_two_who_follow_it_at_once_one_gets_it(
    world: AuthWorld, mailed: MailedLinks, case: Confirming, jane: User
) -> None:
    token = await newest_token(world, mailed, jane)
    ends = await asyncio.gather(*(case.confirm(token, world.visitor()) for _ in range(2)), return_exceptions=True)
    assert sorted(isinstance(end, VoidLink) for end in ends) == [False, True]


@pytest.mark.parametrize("token", ["", "nonsense", "link~confirm~0192d5a8-0000-7000-8000-000000000000", "link~reset~x"])
async def test_an_unknown_one_is_void(world: AuthWorld, case: Confirming, token: str) -> None:
    with pytest.raises(VoidLink):
        await case.confirm(token, world.visitor())


async def test_it_runs_out(world: AuthWorld, mailed: MailedLinks, case: Confirming, jane: User) -> None:
    token = await newest_token(world, mailed, jane)
    world.move(hours=24)
    with pytest.raises(VoidLink):
        await case.confirm(token, world.visitor())


async def test_a_link_of_another_purpose_is_void(
    world: AuthWorld, mailed: MailedLinks, case: Confirming, jane: User
) -> None:
    with pytest.raises(VoidLink):
        await case.confirm(await newest_token(world, mailed, jane, Purpose.RESET), world.visitor())
    assert not world.user(jane).may_sign_in


@pytest.mark.parametrize(
    "change",
    [{"email_key": "new@example.com"}, {"password": "hash:another"}, {"locked_at": AuthWorld().now}],
    ids=["address", "password", "lock"],
)
async def test_it_is_void_when_its_user_is_another(
    world: AuthWorld, mailed: MailedLinks, jane: User, change: dict[str, object]
) -> None:
    token = await newest_token(world, mailed, jane)
    world.users.stored[jane.id] = jane.model_copy(update=change)
    with pytest.raises(VoidLink):
        await mailed.take(token, Purpose.CONFIRM, world.now)


async def test_it_is_void_when_its_user_has_left(world: AuthWorld, mailed: MailedLinks, jane: User) -> None:
    token = await newest_token(world, mailed, jane)
    del world.users.stored[jane.id]
    with pytest.raises(VoidLink):
        await mailed.take(token, Purpose.CONFIRM, world.now)
