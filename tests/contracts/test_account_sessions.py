"""What every `Sessions` promises, the fake and the real one alike; and the races of refreshes on the real one."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.accounts.sessions import LIFETIME, LONGEST, Shown
from domain.errors import Unavailable
from domain.infra.account_documents import KEPT_AFTER_EXPIRY
from domain.infra.mongo import Database
from domain.request_ids import new_request_id
from tests.account_stores import Accounts, a_session, a_user
from tests.strategies import NOON

ANN, BOB = a_user(), a_user(email="bob@acme.example")
LATER = NOON + timedelta(hours=1)


async def test_a_session_is_found_as_it_was_added(accounts: Accounts) -> None:
    session = a_session(ANN, salt=b"\x00\xff", address="192.0.2.1", agent='{"$gt": ""}')
    await accounts.sessions.add(session)
    assert await accounts.sessions.find(session.id) == session
    assert await accounts.sessions.find(new_request_id()) is None


async def test_a_refresh_moves_the_number_on_and_the_end_away(accounts: Accounts) -> None:
    session = a_session(ANN, address="192.0.2.1")
    await accounts.sessions.add(session)
    after = await accounts.sessions.rotate(session, LATER, "192.0.2.2")
    assert after == replace(session, number=2, refreshed_at=LATER, address="192.0.2.2")
    assert await accounts.sessions.find(session.id) == after
    last_moment = LATER + LIFETIME - timedelta(seconds=1)
    assert [found.id for found in await accounts.sessions.list_live(ANN.id, last_moment)] == [session.id]
    assert await accounts.sessions.list_live(ANN.id, LATER + LIFETIME) == []


async def test_a_number_that_is_past_is_not_refreshed(accounts: Accounts) -> None:
    session = a_session(ANN)
    await accounts.sessions.add(session)
    assert await accounts.sessions.rotate(session, LATER, "") is not None
    assert await accounts.sessions.rotate(session, LATER, "") is None


@pytest.mark.parametrize(
    ("fields", "moment"),
    [
        ({"ended_at": NOON, "why_ended": "logout"}, LATER),
        ({}, NOON + LIFETIME),
        ({"created_at": LATER - LONGEST, "refreshed_at": NOON}, LATER),
    ],
    ids=["ended", "not refreshed for long", "as old as any may get"],
)
async def test_a_session_that_is_over_is_not_refreshed_and_not_listed(
    accounts: Accounts, fields: dict[str, object], moment: object
) -> None:
    session = a_session(ANN, **fields)
    await accounts.sessions.add(session)
    assert await accounts.sessions.rotate(session, moment, "") is None  # type: ignore[arg-type]
    assert await accounts.sessions.list_live(ANN.id, moment) == []  # type: ignore[arg-type]
    assert await accounts.sessions.find(session.id) == session


async def test_no_refresh_leads_beyond_the_longest(accounts: Accounts) -> None:
    session = a_session(ANN, created_at=NOON - LONGEST + timedelta(days=1))
    await accounts.sessions.add(session)
    assert await accounts.sessions.rotate(session, NOON, "") is not None
    assert await accounts.sessions.list_live(ANN.id, NOON + timedelta(days=1)) == []


async def test_a_session_of_nobody_is_not_refreshed(accounts: Accounts) -> None:
    assert await accounts.sessions.rotate(a_session(ANN), LATER, "") is None


async def test_a_session_is_ended_once_and_by_its_user_only(accounts: Accounts) -> None:
    session = a_session(ANN)
    await accounts.sessions.add(session)
    assert await accounts.sessions.end(session.id, BOB.id, "revoked", LATER) is False
    assert await accounts.sessions.end(session.id, ANN.id, "revoked", LATER) is True
    assert await accounts.sessions.end(session.id, ANN.id, "logout", LATER + timedelta(hours=1)) is False
    ended = replace(session, ended_at=LATER, why_ended="revoked")
    assert await accounts.sessions.find(session.id) == ended
    assert ended.weigh(1, LATER) is Shown.OVER
    assert await accounts.sessions.rotate(session, LATER, "") is None


async def test_one_that_has_run_out_cannot_be_ended(accounts: Accounts) -> None:
    session = a_session(ANN)
    await accounts.sessions.add(session)
    assert await accounts.sessions.end(session.id, ANN.id, "logout", NOON + LIFETIME) is False


async def test_all_of_a_users_sessions_are_ended_but_one(accounts: Accounts) -> None:
    mine, theirs = [a_session(ANN) for _ in range(3)], a_session(BOB)
    for session in (*mine, theirs):
        await accounts.sessions.add(session)
    assert await accounts.sessions.end_all(ANN.id, "password", LATER, but=mine[1].id) == 2
    assert [found.id for found in await accounts.sessions.list_live(ANN.id, LATER)] == [mine[1].id]
    assert await accounts.sessions.end_all(ANN.id, "lock", LATER) == 1
    assert await accounts.sessions.end_all(ANN.id, "lock", LATER) == 0
    whys = [found.why_ended for session in mine if (found := await accounts.sessions.find(session.id))]
    assert whys == ["password", "lock", "password"]
    assert await accounts.sessions.list_live(BOB.id, LATER) == [theirs]


async def test_a_list_is_newest_first(accounts: Accounts) -> None:
    sessions = [a_session(ANN) for _ in range(3)]
    for session in sessions:
        await accounts.sessions.add(session)
    assert await accounts.sessions.list_live(ANN.id, LATER) == sessions[::-1]


async def test_of_two_refreshes_at_the_same_instant_one_gets_the_session(real_accounts: Accounts) -> None:
    session = a_session(ANN)
    await real_accounts.sessions.add(session)
    rivals = (real_accounts.sessions.rotate(session, LATER, f"192.0.2.{number}") for number in range(8))
    got = [found for found in await asyncio.gather(*rivals) if found is not None]
    assert [found.number for found in got] == [2]
    assert await real_accounts.sessions.find(session.id) == got[0]


async def test_a_refresh_beside_a_logout_does_not_bring_the_session_back(real_accounts: Accounts) -> None:
    sessions = [a_session(ANN) for _ in range(10)]
    for session in sessions:
        await real_accounts.sessions.add(session)
    refreshes = (real_accounts.sessions.rotate(session, LATER, "") for session in sessions)
    ends = (real_accounts.sessions.end(session.id, ANN.id, "logout", LATER) for session in sessions)
    ended = (await asyncio.gather(*refreshes, *ends))[10:]
    assert ended == [True] * 10
    assert await real_accounts.sessions.list_live(ANN.id, LATER) == []


async def test_of_two_ends_at_once_one_is_told_that_it_was_his(real_accounts: Accounts) -> None:
    session = a_session(ANN)
    await real_accounts.sessions.add(session)
    ends = (real_accounts.sessions.end(session.id, ANN.id, "logout", LATER) for _ in range(5))
    assert sorted(await asyncio.gather(*ends)) == [False] * 4 + [True]


async def test_it_is_kept_for_some_days_after_its_end_so_that_its_tokens_are_known(
    real_accounts: Accounts, accounts_database: Database
) -> None:
    session = a_session(ANN)
    await real_accounts.sessions.add(session)
    await real_accounts.sessions.rotate(session, LATER, "")
    stored = await accounts_database.sessions.find_one({"_id": session.id})
    assert stored is not None
    assert stored["expires_at"] == LATER + LIFETIME
    expiry = (await accounts_database.sessions.index_information())["expiry"]
    assert (expiry["key"], expiry["expireAfterSeconds"]) == ([("expires_at", 1)], KEPT_AFTER_EXPIRY.total_seconds())


async def test_a_users_sessions_are_listed_by_an_index(accounts_database: Database) -> None:
    found = accounts_database.sessions.find({"user": ANN.id}).sort("_id", -1)
    assert "by_user" in str((await found.explain())["queryPlanner"]["winningPlan"])


async def test_no_token_stands_in_the_database(real_accounts: Accounts, accounts_database: Database) -> None:
    """What is stored is the salt and the number: without the key of ours they make no token."""
    await real_accounts.sessions.add(a_session(ANN))
    stored = await accounts_database.sessions.find_one()
    assert stored is not None
    assert set(stored) == {
        *("_id", "user", "salt", "number", "created_at", "refreshed_at", "expires_at", "address", "agent"),
    }


async def test_a_store_that_is_away_is_unavailable(unreachable: Accounts) -> None:
    session = a_session(ANN)
    refusals = await asyncio.gather(
        unreachable.sessions.add(session),
        unreachable.sessions.find(session.id),
        unreachable.sessions.rotate(session, NOON, ""),
        unreachable.sessions.end(session.id, ANN.id, "logout", NOON),
        unreachable.sessions.end_all(ANN.id, "logout", NOON),
        unreachable.sessions.list_live(ANN.id, NOON),
        return_exceptions=True,
    )
    assert {type(refusal) for refusal in refusals} == {Unavailable}
