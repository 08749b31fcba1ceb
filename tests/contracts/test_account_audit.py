"""What every `AuditLog` promises, the fake and the real one alike; and what the real one does while MongoDB is away."""

from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest

from domain.accounts.audit import Act, Entry
from domain.accounts.ports import AuditFilter
from domain.errors import Unavailable
from domain.infra.accounts.audit import open_audit_log
from domain.infra.mongo import Database
from tests.account_stores import Accounts, an_entry, open_accounts
from tests.strategies import NOON


async def listed(accounts: Accounts, **which: Any) -> list[Entry]:
    return list(await accounts.audit.list(AuditFilter(**which)))


async def test_what_was_written_is_there_as_it_was(accounts: Accounts) -> None:
    entry = an_entry(address="192.0.2.1", trace_id="t", detail={"why": '{"$gt": ""}', "agent": "\x00"})
    await accounts.audit.write(entry)
    assert await listed(accounts) == [entry]


async def test_what_is_written_twice_is_there_once(real_accounts: Accounts) -> None:
    entry = an_entry()
    for _ in range(2):
        await real_accounts.audit.write(entry)
    assert await listed(real_accounts) == [entry]


async def test_a_list_is_newest_first_and_goes_on_from_its_last(accounts: Accounts) -> None:
    entries = [an_entry() for _ in range(5)]
    for entry in entries:
        await accounts.audit.write(entry)
    page = await listed(accounts, limit=2)
    assert page == [entries[4], entries[3]]
    assert await listed(accounts, limit=2, before=page[-1].id) == [entries[2], entries[1]]


async def test_a_list_is_of_an_actor_a_subject_or_an_act(accounts: Accounts) -> None:
    ann, bob = an_entry(), an_entry(Act.LOCKED, actor="root", subject="user:bob")
    for entry in (ann, bob):
        await accounts.audit.write(entry)
    assert await listed(accounts, actor="root") == [bob]
    assert await listed(accounts, subject="user:ann") == [ann]
    assert await listed(accounts, act=Act.LOCKED) == [bob]
    assert await listed(accounts, actor="root", act=Act.SIGNED_IN) == []
    assert await listed(accounts, actor='{"$gt": ""}') == []
    assert await listed(accounts, subject=".*") == []


async def test_what_was_noted_is_there_soon(accounts_database: Database) -> None:
    entries = [an_entry(Act.KEY_USED) for _ in range(3)]
    async with open_audit_log(accounts_database) as audit:
        for entry in entries:
            audit.note(entry)
    async with open_audit_log(accounts_database) as audit:
        assert await audit.list(AuditFilter()) == entries[::-1]


async def test_a_lot_of_which_a_part_was_written_before_is_written(accounts_database: Database) -> None:
    """As when MongoDB's answer to the first try was lost."""
    entries = [an_entry(Act.KEY_USED) for _ in range(3)]
    async with open_audit_log(accounts_database) as audit:
        await audit.write(entries[1])
        for entry in entries:
            audit.note(entry)
    async with open_audit_log(accounts_database) as audit:
        assert await audit.list(AuditFilter()) == entries[::-1]


async def test_each_entry_goes_at_a_time_of_its_own(accounts_database: Database) -> None:
    async with open_audit_log(accounts_database) as audit:
        await audit.write(an_entry())
    async with open_audit_log(accounts_database, timedelta(days=1)) as audit:
        await audit.write(an_entry())
    rows = await accounts_database.audit.find().sort("_id", 1).to_list(None)
    assert [row["expire_at"] - NOON for row in rows] == [timedelta(days=400), timedelta(days=1)]
    expiry = (await accounts_database.audit.index_information())["expiry"]
    assert (expiry["key"], expiry["expireAfterSeconds"]) == ([("expire_at", 1)], 0)


@pytest.mark.parametrize("name", ["actor", "subject", "act"])
async def test_a_list_stands_on_an_index(accounts_database: Database, name: str) -> None:
    found = accounts_database.audit.find({name: {"$eq": "x"}}).sort("_id", -1)
    assert f"by_{name}" in str((await found.explain())["queryPlanner"]["winningPlan"])


async def test_a_store_that_is_away_refuses_what_must_be_on_record(unreachable: Accounts) -> None:
    with pytest.raises(Unavailable):
        await unreachable.audit.write(an_entry())
    with pytest.raises(Unavailable):
        await unreachable.audit.list(AuditFilter())


async def test_the_real_ones_open_and_close_without_a_word(accounts_database: Database) -> None:
    async with AsyncExitStack() as stack:
        await open_accounts(accounts_database, stack)
