"""What `FollowUps` promises: one callback for each end, whatever breaks in between."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from domain.callbacks import VENDOR, callback_id
from domain.errors import Unavailable
from domain.infra.follow_ups import FollowUps, open_follow_ups
from domain.infra.queue_keys import queue_key
from domain.interventions import TELL_VENDOR, note_progress
from domain.jobs import Job, Priority, Status
from domain.outcomes import Done
from domain.transitions import Rules, settle, signed, start
from domain.vendors import VendorPolicy
from tests.stores import Stores

URL = "https://client.example/told"


@pytest.fixture
async def follow_ups(stores: Stores) -> AsyncIterator[FollowUps]:
    async with open_follow_ups(stores.database, stores.queue, "https://gateway.example") as opened:
        yield opened


async def an_ended_job(stores: Stores, **fields: Any) -> Job:
    job = await stores.submit(**{"callback_url": URL, **fields})
    now = datetime.now(UTC)
    called = start(signed(job, "t"), worker="w", key="k", now=now)
    ended = settle(called, Done('"x"', 200), Rules(VendorPolicy()), now)
    assert await stores.store.compare_and_set([(job, called)]) == [True]
    assert await stores.store.compare_and_set([(called, ended)]) == [True]
    return ended


async def queued(stores: Stores) -> int:
    return int(await stores.redis.zcard(queue_key(VENDOR, Priority.NORMAL, "acme")))


async def test_the_callback_is_on_record_and_queued_and_the_parent_owes_nothing_more(
    stores: Stores, follow_ups: FollowUps
) -> None:
    parent = await an_ended_job(stores)
    await follow_ups.do([parent])
    child = (await stores.store.load([callback_id(parent)]))[callback_id(parent)]
    assert (child.status, child.parent, child.client) == (Status.PENDING, parent.id, parent.client)
    assert await queued(stores) == 1
    struck_off = await stores.look(parent)
    assert (struck_off.follow_ups, struck_off.sweep_at, struck_off.result) == (None, None, '"x"')


async def test_doing_it_twice_and_at_once_makes_one(stores: Stores, follow_ups: FollowUps) -> None:
    parent = await an_ended_job(stores)
    await asyncio.gather(*(follow_ups.do([parent, parent]) for _ in range(5)))
    await follow_ups.do([parent])
    assert await stores.database.jobs.count_documents({"vendor": VENDOR}) == 1
    assert await queued(stores) == 1


async def test_a_job_that_the_sweep_read_without_its_payload_keeps_it(stores: Stores, follow_ups: FollowUps) -> None:
    parent = await an_ended_job(stores, payload='{"a": 1}')
    await follow_ups.do([parent.model_copy(update={"payload": "", "result": None})])
    kept = await stores.look(parent)
    assert (kept.payload, kept.result, kept.follow_ups) == ('{"a": 1}', '"x"', None)


async def test_what_else_the_end_asked_for_stays(stores: Stores, follow_ups: FollowUps) -> None:
    parent = await an_ended_job(stores)
    both = parent.model_copy(update={"epoch": parent.epoch + 1, "follow_ups": ["callback", TELL_VENDOR]})
    await stores.store.compare_and_set([(parent, both)])
    await follow_ups.do([both])
    left = await stores.look(parent)
    assert left.follow_ups == [TELL_VENDOR]
    assert left.sweep_at is not None


async def test_a_parent_that_went_on_meanwhile_is_looked_at_again(stores: Stores, follow_ups: FollowUps) -> None:
    parent = await an_ended_job(stores)
    noted = note_progress(signed(parent, "other"), "a late word", datetime.now(UTC))
    assert await stores.store.compare_and_set([(parent, noted)]) == [True]
    await follow_ups.do([parent])
    assert (await stores.look(parent)).follow_ups is None
    assert await stores.database.jobs.count_documents({"vendor": VENDOR}) == 1


async def test_jobs_that_owe_no_callback_are_left_alone(stores: Stores, follow_ups: FollowUps) -> None:
    without = await an_ended_job(stores, callback_url=None)
    pending = await stores.submit(callback_url=URL)
    await follow_ups.do([without, pending])
    follow_ups.soon(without)
    assert (await stores.look(without)).epoch == without.epoch
    assert await stores.database.jobs.count_documents({"vendor": VENDOR}) == 0


async def test_what_was_begun_is_done_when_the_process_stops(stores: Stores) -> None:
    parents = [await an_ended_job(stores) for _ in range(3)]
    async with open_follow_ups(stores.database, stores.queue, "https://gateway.example") as follow_ups:
        for parent in parents:
            follow_ups.soon(parent)
    assert await queued(stores) == 3


async def test_an_outage_of_redis_leaves_the_queueing_to_the_sweep(stores: Stores) -> None:
    class Away:
        async def enqueue(self, jobs: object) -> int:
            raise RedisConnectionError("away")

    parent = await an_ended_job(stores)
    await FollowUps(stores.database, Away(), "https://gateway.example").do([parent])  # type: ignore[arg-type]
    child = (await stores.store.load([callback_id(parent)]))[callback_id(parent)]
    assert child.sweep_at is not None
    assert (await stores.look(parent)).follow_ups is None


async def test_a_store_that_refuses_says_so_and_the_parent_still_owes(stores: Stores, follow_ups: FollowUps) -> None:
    parent = await an_ended_job(stores)
    await stores.database.command("collMod", "jobs", validator={"vendor": {"$ne": VENDOR}})
    try:
        with pytest.raises(Unavailable):
            await follow_ups.do([parent])
        follow_ups.soon(parent)
        assert (await stores.look(parent)).follow_ups == ["callback"]
    finally:
        await stores.database.command("collMod", "jobs", validator={})
