"""What every `ApiKeys` and every `Links` promises, the fakes and the real ones alike; and their races."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.accounts.api_keys import Scope
from domain.accounts.links import Purpose
from domain.callers import Role
from domain.errors import Unavailable
from domain.infra.mongo import Database
from domain.request_ids import new_request_id
from tests.account_stores import Accounts, a_key, a_link, a_user
from tests.strategies import NOON

ANN, BOB = a_user(), a_user(email="bob@acme.example")
LATER = NOON + timedelta(minutes=1)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"scopes": frozenset({Scope.READ_JOBS, Scope.WRITE_JOBS}), "rate": "5/second", "expires_at": LATER},
        {"scopes": frozenset()},
        {"role": Role.ADMIN, "user": ANN.id, "name": '{"$ne": null}', "revoked_at": NOON, "used_at": NOON},
    ],
    ids=["the least", "narrowed", "to nothing", "of a user"],
)
async def test_a_key_is_found_as_it_was_added(accounts: Accounts, fields: dict[str, Any]) -> None:
    key = a_key(**fields)
    await accounts.keys.add(key)
    assert await accounts.keys.find(key.id) == key
    assert await accounts.keys.find(new_request_id()) is None


async def test_keys_are_listed_newest_first_by_who_made_them(accounts: Accounts) -> None:
    makers = ["user:ann", "user:bob", "user:ann"]
    keys = [a_key(created_by=maker) for maker in makers]
    for key in keys:
        await accounts.keys.add(key)
    assert await accounts.keys.list("user:ann") == [keys[2], keys[0]]
    assert await accounts.keys.list(None) == keys[::-1]
    assert await accounts.keys.list('{"$gt": ""}') == []


async def test_a_key_is_revoked_once_and_by_who_made_it_or_an_admin(accounts: Accounts) -> None:
    mine, theirs = a_key(created_by="user:ann"), a_key(created_by="user:bob")
    await accounts.keys.add(mine)
    await accounts.keys.add(theirs)
    assert await accounts.keys.revoke(theirs.id, "user:ann", LATER) is False
    assert await accounts.keys.find(theirs.id) == theirs
    assert await accounts.keys.revoke(mine.id, "user:ann", LATER) is True
    assert await accounts.keys.revoke(mine.id, "user:ann", LATER + timedelta(hours=1)) is False
    assert await accounts.keys.revoke(theirs.id, None, LATER) is True
    assert await accounts.keys.revoke(new_request_id(), None, LATER) is False
    assert await accounts.keys.find(mine.id) == replace(mine, revoked_at=LATER)
    assert await accounts.keys.list(None) == []


async def test_of_two_who_revoke_at_once_one_is_told_that_it_was_his(real_accounts: Accounts) -> None:
    key = a_key()
    await real_accounts.keys.add(key)
    told = await asyncio.gather(*(real_accounts.keys.revoke(key.id, None, LATER) for _ in range(5)))
    assert sorted(told) == [False] * 4 + [True]


async def test_a_keys_use_is_noted_once_a_minute(accounts: Accounts) -> None:
    key = a_key()
    await accounts.keys.add(key)
    for moment, noted in [
        (NOON, NOON),
        (NOON + timedelta(seconds=59), NOON),
        (LATER, LATER),
        (NOON, LATER),
    ]:
        await accounts.keys.note_used(key.id, moment)
        assert await accounts.keys.find(key.id) == replace(key, used_at=noted)
    await accounts.keys.note_used(new_request_id(), NOON)
    assert await accounts.keys.list(None) == [replace(key, used_at=LATER)]


@pytest.mark.parametrize(
    ("wanted", "index"), [({"created_by": {"$eq": "user:ann"}}, "by_creator"), ({"user": ANN.id}, "by_user")]
)
async def test_keys_are_looked_up_by_an_index(
    accounts_database: Database, wanted: dict[str, object], index: str
) -> None:
    plan = (await accounts_database.api_keys.find(wanted).explain())["queryPlanner"]["winningPlan"]
    assert index in str(plan)


async def test_a_link_is_taken_once(accounts: Accounts) -> None:
    link = a_link(ANN)
    await accounts.links.add(link)
    assert await accounts.links.take(link.id, Purpose.CONFIRM, NOON) == link
    assert await accounts.links.take(link.id, Purpose.CONFIRM, NOON) is None


async def test_a_link_is_taken_for_its_own_purpose_only_and_stays_otherwise(accounts: Accounts) -> None:
    link = a_link(ANN, Purpose.CONFIRM)
    await accounts.links.add(link)
    assert await accounts.links.take(link.id, Purpose.RESET, NOON) is None
    assert await accounts.links.take(new_request_id(), Purpose.CONFIRM, NOON) is None
    assert await accounts.links.take(link.id, Purpose.CONFIRM, NOON) == link


@pytest.mark.parametrize("purpose", Purpose)
async def test_a_link_is_good_until_it_runs_out(accounts: Accounts, purpose: Purpose) -> None:
    link = a_link(ANN, purpose)
    await accounts.links.add(link)
    assert await accounts.links.take(link.id, purpose, link.expires_at) is None
    last_moment = link.expires_at - timedelta(milliseconds=1)
    assert await accounts.links.take(link.id, purpose, last_moment) == link


async def test_a_new_link_voids_the_one_before_and_no_other(accounts: Accounts) -> None:
    old, new = a_link(ANN, Purpose.RESET), a_link(ANN, Purpose.RESET)
    of_another, for_another = a_link(BOB, Purpose.RESET), a_link(ANN, Purpose.CONFIRM)
    for link in (old, of_another, for_another, new):
        await accounts.links.add(link)
    taken = [await accounts.links.take(link.id, link.purpose, NOON) for link in (old, new, of_another, for_another)]
    assert taken == [None, new, of_another, for_another]


async def test_of_two_who_take_a_link_at_once_one_gets_it(real_accounts: Accounts) -> None:
    link = a_link(ANN, Purpose.RESET)
    await real_accounts.links.add(link)
    takers = (real_accounts.links.take(link.id, Purpose.RESET, NOON) for _ in range(8))
    assert [taken for taken in await asyncio.gather(*takers) if taken is not None] == [link]


async def test_of_links_that_are_added_at_once_one_is_good(real_accounts: Accounts) -> None:
    links = [a_link(ANN, Purpose.RESET) for _ in range(8)]
    await asyncio.gather(*(real_accounts.links.add(link) for link in links))
    taken = [await real_accounts.links.take(link.id, Purpose.RESET, NOON) for link in links]
    assert len([link for link in taken if link is not None]) == 1


async def test_mongodb_forgets_links_that_have_run_out(accounts_database: Database) -> None:
    expiry = (await accounts_database.links.index_information())["expiry"]
    assert (expiry["key"], expiry["expireAfterSeconds"]) == ([("expires_at", 1)], 0)


async def test_a_store_that_is_away_is_unavailable(unreachable: Accounts) -> None:
    key, link = a_key(), a_link(ANN)
    refusals = await asyncio.gather(
        unreachable.keys.add(key),
        unreachable.keys.find(key.id),
        unreachable.keys.list(None),
        unreachable.keys.revoke(key.id, None, NOON),
        unreachable.keys.note_used(key.id, NOON),
        unreachable.links.add(link),
        unreachable.links.take(link.id, link.purpose, NOON),
        return_exceptions=True,
    )
    assert {type(refusal) for refusal in refusals} == {Unavailable}
