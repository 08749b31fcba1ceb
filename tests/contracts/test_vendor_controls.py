"""The operators' words on real stores: who is first, who hears of it, and what a store that is away costs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis

from domain.infra import vendor_controls
from domain.infra.redis import open_redis
from domain.infra.restores import leap_controls
from domain.infra.vendor_controls import HeardControls, StoredControls
from domain.infra.vendor_states import open_vendor_states
from domain.vendor_control import UNTOUCHED, Control, Overrides
from domain.vendors import VendorPolicy
from tests.stores import Stores

TABLES = {"sync": VendorPolicy(limit="50/second"), "slow": VendorPolicy()}
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
FIRST = Control(1, Overrides(limit="10/second", timeout_seconds=0.5), "root", NOW)
SECOND = Control(2, Overrides(attempts=3), "root", NOW)
PATIENCE_SECONDS = 20.0


class Process:
    """What one process knows, and when it has heard."""

    def __init__(self, stores: Stores) -> None:
        self.controls = HeardControls(stores.database)
        self.controls.told = self._hear
        self._heard = asyncio.Event()

    def _hear(self, vendor: str) -> None:
        self._heard.set()

    async def hears(self, control: Control) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.controls.of("sync") != control:
                await self._heard.wait()
                self._heard.clear()


def stored_in(stores: Stores, redis: Redis | None = None) -> StoredControls:
    return StoredControls(stores.database, redis or stores.redis, TABLES, HeardControls(stores.database))


@pytest.fixture
async def fleet(stores: Stores) -> AsyncIterator[list[Process]]:
    """Two processes that listen."""
    async with AsyncExitStack() as stack:
        processes = [Process(stores) for _ in range(2)]
        for process in processes:
            await stack.enter_async_context(process.controls.followed(stores.redis))
        yield processes


async def test_nobody_has_said_anything_of_a_vendor_at_first(stores: Stores) -> None:
    controls = stored_in(stores)
    assert (await controls.find("sync"), controls.table("sync")) == (UNTOUCHED, TABLES["sync"])
    assert controls.table("unknown") is None


async def test_what_is_stored_is_found_as_it_was_said(stores: Stores) -> None:
    controls = stored_in(stores)
    assert await controls.change("sync", UNTOUCHED, FIRST)
    assert await controls.find("sync") == FIRST
    assert await controls.change("sync", FIRST, SECOND)
    assert await controls.find("sync") == SECOND
    assert await controls.find("slow") == UNTOUCHED


async def test_of_two_changes_of_the_same_version_one_is_made(stores: Stores) -> None:
    controls = stored_in(stores)
    for before, after in ((UNTOUCHED, FIRST), (FIRST, SECOND)):
        made = await asyncio.gather(*(controls.change("sync", before, after) for _ in range(5)))
        assert made.count(True) == 1


async def test_a_pause_and_a_control_leave_each_other_alone(stores: Stores) -> None:
    controls = stored_in(stores)
    async with open_vendor_states(stores.database, stores.queue, TABLES) as states:
        await states.pause("sync", "root")
        assert await controls.change("sync", UNTOUCHED, FIRST)
        await states.resume("sync", "root")
        await states.pause("sync", "root")
    kept = await stores.database.get_collection("vendors").find_one({"_id": "sync"})
    assert kept is not None
    assert (kept["paused"], kept["control"]["version"]) == (True, 1)


async def test_a_change_is_told_to_all_at_once(stores: Stores) -> None:
    async with stores.redis.pubsub(ignore_subscribe_messages=True) as subscription:
        await subscription.subscribe(vendor_controls.CONTROL_CHANNEL)
        await stored_in(stores).change("sync", UNTOUCHED, FIRST)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (message := await subscription.get_message(timeout=5)) is None:
                pass
    assert message["data"] == b"sync"


async def test_every_process_hears_of_a_change(stores: Stores, fleet: list[Process]) -> None:
    controls = stored_in(stores)
    for before, after in ((UNTOUCHED, FIRST), (FIRST, SECOND)):
        await controls.change("sync", before, after)
        await asyncio.gather(*(process.hears(after) for process in fleet))


async def test_without_redis_a_change_is_made_and_heard_of_at_the_next_look(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vendor_controls, "LOOK_SECONDS", 0.05)
    async with open_redis("redis://127.0.0.1:1/0") as away:
        process = Process(stores)
        async with process.controls.followed(away):
            assert await stored_in(stores, away).change("sync", UNTOUCHED, FIRST)
            await process.hears(FIRST)


async def test_a_process_that_starts_later_knows_from_the_start(stores: Stores) -> None:
    await stored_in(stores).change("sync", UNTOUCHED, FIRST)
    late = HeardControls(stores.database)
    async with open_redis("redis://127.0.0.1:1/0") as away, late.followed(away):
        assert late.of("sync") == FIRST


async def test_after_a_backup_was_restored_its_versions_hold(stores: Stores) -> None:
    controls = stored_in(stores)
    await controls.change("sync", UNTOUCHED, FIRST)
    await controls.change("sync", FIRST, SECOND)
    process = HeardControls(stores.database)
    await process.look()
    await stores.database.get_collection("vendors").delete_many({})
    await process.look()
    assert process.of("sync") == UNTOUCHED
    assert 0 < await stores.redis.pttl("gateway:control:sync") <= vendor_controls.KEPT_MS


async def test_who_comes_back_from_a_backup_is_ahead_of_all_that_was_said_since(stores: Stores) -> None:
    """Else a Redis that was not emptied holds the vendor's calls until it has forgotten."""
    controls = stored_in(stores)
    await controls.change("sync", UNTOUCHED, FIRST)
    await stores.redis.set("gateway:control:sync", 7)  # said since, and taken back by the restore
    await leap_controls(stores.database)
    restored = await controls.find("sync")
    assert restored.overrides == FIRST.overrides
    assert restored.version > 7
    assert await controls.find("slow") == UNTOUCHED


async def test_the_state_of_a_vendor_shows_what_holds_and_what_its_table_says(stores: Stores) -> None:
    process = Process(stores)
    async with open_vendor_states(stores.database, stores.queue, TABLES, process.controls) as states:
        before = await states.look("sync")
        await stored_in(stores).change("sync", UNTOUCHED, FIRST)
        await process.controls.look()
        after = await states.look("sync")  # at once: what was read before the change is not shown any more
    assert before is not None
    assert after is not None
    assert (before.policy.limit, after.policy.limit, after.control) == ("50/second", "10/second", FIRST)
    assert (after.table, [window.amount for window in after.windows]) == (TABLES["sync"], [10])
