"""How vendors stand, on real stores: what is read, how seldom, how fast, and that a pause outlasts everything."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from domain.breakers import BreakerLook, BreakerState, CallOutcome
from domain.errors import NotFound, Unavailable
from domain.infra import vendor_states
from domain.infra.breakers import open_breakers
from domain.infra.queue import WAKE_CHANNEL, Queue
from domain.infra.redis import open_redis
from domain.infra.vendor_keys import breaker_key
from domain.infra.vendor_pauses import MIRROR_SECONDS
from domain.infra.vendor_states import StoredVendorStates, open_vendor_states
from domain.jobs import Job, Priority
from domain.ports import Queued
from domain.request_ids import new_request_id
from domain.vendor_states import Recent
from domain.vendors import VendorPolicy
from tests.stores import LEASE, Stores
from tests.strategies import a_job

SECOND = timedelta(seconds=1)
POLICIES = {"sync": VendorPolicy(), "slow": VendorPolicy(limit="2/second; 10/hour", concurrency=1)}


@pytest.fixture
async def states(stores: Stores) -> AsyncIterator[StoredVendorStates]:
    async with open_vendor_states(stores.database, stores.queue, POLICIES) as states:
        yield states


def queued(priority: Priority = Priority.NORMAL, due_in: timedelta = -SECOND) -> Queued:
    return Queued(new_request_id(), "sync", priority, datetime.now(UTC) + due_in)


def job_of(place: Queued) -> Job:
    return a_job(id=place.request_id, client=place.client, priority=place.priority, run_at=place.due_at)


async def test_a_vendor_of_no_table_has_no_state_and_no_switch(states: StoredVendorStates) -> None:
    assert await states.look("unknown") is None
    with pytest.raises(NotFound):
        await states.pause("unknown", "root")
    assert set(states.names()) == {"sync", "slow"}


async def test_a_quiet_vendor_is_open(states: StoredVendorStates) -> None:
    state = await states.look("slow")
    assert state is not None
    assert (state.paused, state.closed_until, state.next_start, state.oldest_due) == (False, None, None, None)
    assert (state.running, state.queued, state.due, state.recent) == (0, 0, 0, Recent())
    assert [(window.amount, window.span, window.used) for window in state.windows] == [
        (2, timedelta(seconds=1.025), 0),
        (10, timedelta(hours=1, seconds=0.025), 0),
    ]


async def test_what_waits_is_counted_and_ranked(stores: Stores, states: StoredVendorStates) -> None:
    high = [queued(Priority.HIGH) for _ in range(2)]
    normal = [queued(due_in=-n * SECOND) for n in (9, 8, 7)]
    low, later = queued(Priority.LOW), queued(Priority.LOW, timedelta(hours=1))
    await stores.queue.enqueue([*normal, low, later, *high])
    state = await states.look("sync")
    assert state is not None
    assert (state.running, state.due, state.queued) == (0, 6, 7)
    assert state.oldest_due is not None
    assert [await states.ahead(job_of(place)) for place in (*normal, low, later)] == [2, 3, 4, 5, 6]
    assert await states.ahead(a_job()) is None


async def test_what_runs_is_neither_queued_nor_ranked(stores: Stores, states: StoredVendorStates) -> None:
    running = queued()
    await stores.queue.enqueue([running])
    await stores.queue.claim("sync", 1, "t:1")
    state = await states.look("sync")
    assert state is not None
    assert (state.running, state.due, state.queued) == (1, 0, 0)
    assert await states.ahead(job_of(running)) is None


async def test_a_closed_vendor_says_until_when(stores: Stores, states: StoredVendorStates) -> None:
    await stores.queue.close_vendor("sync", 60 * SECOND)
    state = await states.look("sync")
    assert state is not None
    assert state.closed_until is not None
    assert 55 < (state.closed_until - datetime.now(UTC)).total_seconds() <= 60


async def test_a_vendor_says_how_its_breaker_stands(stores: Stores, states: StoredVendorStates) -> None:
    async with open_breakers(stores.redis) as breakers:
        for _ in range(4):
            await breakers.tell("vendor:sync", CallOutcome.FAILED)
        until = await breakers.tell("vendor:sync", CallOutcome.FAILED)
        state = await states.look("sync")
        assert state is not None
        assert state.breaker == BreakerLook(BreakerState.OPEN, until, 5)
        async with stores.redis.pipeline() as pipeline:
            pipeline.hset(breaker_key("slow"), mapping={"row": 6, "openings": 1, "until": 1})
            await pipeline.execute()
        half_open = await states.look("slow")
        assert half_open is not None
        assert half_open.breaker == BreakerLook(BreakerState.HALF_OPEN, None, 6)


async def test_a_state_is_kept_for_a_second_and_read_once_for_all_who_ask(
    stores: Stores, states: StoredVendorStates
) -> None:
    seen = await asyncio.gather(*(states.look("sync") for _ in range(50)))
    assert len({id(state) for state in seen}) == 1
    await stores.queue.close_vendor("sync", 60 * SECOND)
    assert await states.look("sync") is seen[0]
    await asyncio.sleep(vendor_states.FRESH_SECONDS)  # slow: a state has to grow old
    fresh = await states.look("sync")
    assert fresh is not None
    assert fresh.closed_until is not None


async def test_a_pause_is_told_to_workers_and_seen_at_once(stores: Stores, states: StoredVendorStates) -> None:
    await states.look("sync")
    async with stores.redis.pubsub(ignore_subscribe_messages=True) as subscription:
        await subscription.subscribe(WAKE_CHANNEL)
        await states.pause("sync", "root")
        while (message := await subscription.get_message(timeout=5)) is None:
            pass
    assert b"sync" in message["data"]
    state = await states.look("sync")
    assert state is not None
    assert state.paused
    kept = await stores.database.get_collection("vendors").find_one({"_id": "sync"})
    assert kept is not None
    assert (kept["paused"], kept["paused_by"]) == (True, "root")


async def test_a_paused_vendor_gives_nothing_out_until_it_is_resumed(
    stores: Stores, states: StoredVendorStates
) -> None:
    await stores.queue.enqueue([queued()])
    await states.pause("sync", "root")
    await states.pause("sync", "root")
    assert (await stores.queue.claim("sync", 1, "t:1")).leases == []
    await states.resume("sync", "root")
    assert len((await stores.queue.claim("sync", 1, "t:2")).leases) == 1


class LateQueue(Queue):
    """Pauses when the test lets it."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis, lease=LEASE)
        self.asked, self.let = asyncio.Event(), asyncio.Event()

    async def pause_vendor(self, vendor: str) -> None:
        self.asked.set()
        await self.let.wait()
        await super().pause_vendor(vendor)


async def test_of_two_words_at_once_redis_ends_with_that_of_mongodb(stores: Stores) -> None:
    queue = LateQueue(stores.redis)
    async with open_vendor_states(stores.database, queue, POLICIES) as states:
        pausing = asyncio.create_task(states.pause("sync", "a"))
        await queue.asked.wait()
        await states.resume("sync", "b")
        queue.let.set()
        await pausing
        state = await states.look("sync")
    assert state is not None
    assert not state.paused


async def test_without_redis_it_is_unavailable_at_once(stores: Stores) -> None:
    async with (
        open_redis("redis://127.0.0.1:1/0") as away,
        open_vendor_states(stores.database, Queue(away, lease=LEASE), POLICIES) as states,
    ):
        for ask in (states.look("sync"), states.ahead(a_job()), states.pause("sync", "root")):
            with pytest.raises(Unavailable):
                await ask


async def test_a_redis_that_hangs_costs_half_a_second_once(stores: Stores) -> None:
    silent = await asyncio.start_server(_never_answer, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with (
        silent,
        open_redis(f"redis://127.0.0.1:{port}/0") as hanging,
        open_vendor_states(stores.database, Queue(hanging, lease=LEASE), POLICIES) as states,
    ):
        begun = time.monotonic()
        for _ in range(20):
            with pytest.raises(Unavailable):
                await states.look("sync")
        assert time.monotonic() - begun < 10 * vendor_states.PATIENCE_SECONDS  # once, and not twenty times
        await asyncio.sleep(vendor_states.FRESH_SECONDS)  # slow: the hang goes on for longer than a state is kept
        begun = time.monotonic()
        for _ in range(20):
            with pytest.raises(Unavailable):
                await states.look("sync")
        assert time.monotonic() - begun < 10 * vendor_states.PATIENCE_SECONDS
        with pytest.raises(Unavailable):
            await states.ahead(a_job())
        async with asyncio.timeout(MIRROR_SECONDS + 1):  # less than Redis' own patience
            with pytest.raises(Unavailable):
                await states.pause("sync", "root")


async def _never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()
