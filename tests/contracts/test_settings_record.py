"""The record of the settings in a real MongoDB: of many processes that start at once one tells."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.accounts.audit import Act, Entry
from domain.accounts.doers import Doer
from domain.accounts.marks import Marks
from domain.accounts.ports import AuditFilter
from domain.accounts.settings_changes import Fact, Process, Recorded, decide
from domain.errors import Unavailable
from domain.infra.accounts.audit import open_audit_log
from domain.infra.accounts.settings_record import MongoSettingsRecord
from domain.infra.mongo import Database, open_mongo

MARKS = Marks.of([b"key"])
BEFORE = {"GATEWAY_REDACT_DAYS": Fact("30"), "GATEWAY_REDIS_URL": Fact("redis://:a-former-password@store", secret=True)}
AFTER = {"GATEWAY_REDACT_DAYS": Fact("7"), "GATEWAY_REDIS_URL": Fact("redis://:a-newer-password@store", secret=True)}


async def start(database: Database, facts: Mapping[str, Fact], kind: str = "http") -> Entry | None:
    doer = Doer("operator", datetime(2026, 1, 1, tzinfo=UTC))
    return await MongoSettingsRecord(database).change(decide(facts, MARKS, Process(kind, "here"), doer))


async def told(database: Database) -> list[Entry]:
    async with open_audit_log(database) as audit:
        return list(await audit.list(AuditFilter(act=Act.SETTINGS_CHANGED)))


async def test_a_change_is_on_record_once_and_without_the_secret(accounts_database: Database) -> None:
    assert await start(accounts_database, BEFORE) is None
    entry = await start(accounts_database, AFTER)
    assert await start(accounts_database, AFTER) is None
    assert await told(accounts_database) == [entry]
    assert entry is not None
    assert entry.detail == {
        "GATEWAY_REDACT_DAYS": "30 → 7", "GATEWAY_REDIS_URL": "(changed)", "process": "http", "host": "here"
    }  # fmt: skip
    stored: list[Any] = [row async for row in accounts_database.get_collection("settings").find({})]
    assert len(stored) == 1
    assert "password" not in repr(stored)


async def test_of_many_that_start_at_once_one_tells(accounts_database: Database, accounts_url: str) -> None:
    """Each with a connection of its own, as processes have; the very first start too, when there is no record yet."""

    async def start_alone(facts: Mapping[str, Fact], kind: str) -> Entry | None:
        async with open_mongo(accounts_url) as database:
            return await start(database, facts, kind)

    for facts, entries in ((BEFORE, 0), (AFTER, 1)):
        kinds = ["http", "worker"] * 4
        answers = await asyncio.gather(*(start_alone(facts, kind) for kind in kinds))
        assert sum(entry is not None for entry in answers) == entries
        assert len(await told(accounts_database)) == entries


async def test_the_record_stays_as_it_was_where_the_entry_cannot_be_written(accounts_database: Database) -> None:
    await start(accounts_database, BEFORE)
    entry = await start(accounts_database, AFTER)
    assert entry is not None
    stored = await accounts_database.get_collection("settings").find_one({})

    def with_the_same_id(recorded: Recorded | None) -> tuple[Recorded, Entry | None]:
        assert recorded is not None
        return Recorded(recorded.key_id, {"GATEWAY_X": "1"}, {}), entry

    with pytest.raises(Unavailable):
        await MongoSettingsRecord(accounts_database).change(with_the_same_id)
    assert await accounts_database.get_collection("settings").find_one({}) == stored


async def test_a_store_that_is_away_is_told_as_such(nowhere: Database) -> None:
    with pytest.raises(Unavailable):
        await start(nowhere, BEFORE)
