"""How all vendors stand, on a real Redis: as each one's own look says, in one round trip, and soon even if it hangs."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from domain.breakers import BreakerState, CallOutcome
from domain.errors import Unavailable
from domain.infra.breakers import open_breakers
from domain.infra.mongo import open_mongo
from domain.infra.queue import Queue
from domain.infra.queue_looks import QueueLooks
from domain.infra.redis import open_redis
from domain.infra.vendor_looks import VendorLook
from domain.infra.vendor_states import LARGEST_LOOK, PATIENCE_SECONDS, open_vendor_states
from domain.jobs import Priority
from domain.ports import Queued
from domain.request_ids import new_request_id
from domain.vendor_states import UNTOLD
from domain.vendors import VendorPolicy
from tests.stores import LEASE, Stores

POLICIES = {"sync": VendorPolicy(), "slow": VendorPolicy(limit="2/second; 10/hour", concurrency=1)}


async def test_each_stands_as_its_own_look_says(stores: Stores) -> None:
    due = datetime.now(UTC) - timedelta(seconds=1)
    await stores.queue.enqueue([Queued(new_request_id(), "slow", Priority.NORMAL, due) for _ in range(3)])
    await stores.queue.pause_vendor("slow")
    async with open_breakers(stores.redis) as breakers:
        for _ in range(5):
            await breakers.tell("vendor:sync", CallOutcome.FAILED)
    async with open_vendor_states(stores.database, stores.queue, POLICIES) as states:
        found = await states.all()
    looked = {}
    for name in POLICIES:
        async with open_vendor_states(stores.database, stores.queue, POLICIES) as states:
            looked[name] = await states.look(name)
    sync, slow = found["sync"], found["slow"]
    assert sync is not None
    assert slow is not None
    assert (sync.breaker.state, slow.due, slow.paused, len(slow.windows)) == (BreakerState.OPEN, 3, True, 2)
    for name, state in found.items():
        other = looked[name]
        assert state is not None
        assert other is not None
        assert replace(other, at=state.at, oldest_due=state.oldest_due, recent=state.recent) == state


async def test_a_limit_that_no_call_can_keep_to_hides_no_other_vendor(stores: Stores) -> None:
    policies = {**POLICIES, "odd": VendorPolicy(limit="1/second", cost=2)}
    async with open_vendor_states(stores.database, stores.queue, policies) as states:
        found = await states.all()
        listed = await states.looks(["sync", "odd", "unknown"])
    assert list(listed) == ["sync"]
    assert [name for name, state in found.items() if state is None] == ["odd"]


async def test_of_a_redis_that_is_away_or_hangs_nothing_is_told_and_soon(stores: Stores) -> None:
    async with hanging() as port:
        for number in (1, port):
            async with (
                open_redis(f"redis://127.0.0.1:{number}/0") as away,
                open_vendor_states(stores.database, Queue(away, lease=LEASE), POLICIES) as states,
            ):
                begun = time.monotonic()
                assert await states.all() == {"sync": None, "slow": None}
                with pytest.raises(Unavailable):
                    await states.looks(POLICIES)
                assert time.monotonic() - begun < PATIENCE_SECONDS + 4.0


async def test_of_a_mongodb_that_hangs_only_what_the_last_calls_came_to_is_missing_and_soon(stores: Stores) -> None:
    async with (
        hanging() as port,
        open_mongo(f"mongodb://127.0.0.1:{port}/gateway") as away,
        open_vendor_states(away, stores.queue, POLICIES) as states,
    ):
        begun = time.monotonic()
        found = await states.looks(POLICIES)
        one = await states.look("sync")
        assert time.monotonic() - begun < PATIENCE_SECONDS + 4.0
    assert one is not None
    assert [state.recent for state in (one, *found.values())] == [UNTOLD] * 3
    assert [state.running for state in found.values()] == [0, 0]


class CountedLooks(QueueLooks):
    """Notes each question, and answers when the test lets it."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis, lease=LEASE)
        self.asked: list[list[str]] = []
        self.let = asyncio.Event()

    async def vendors(self, policies: Mapping[str, VendorPolicy]) -> dict[str, VendorLook]:
        self.asked.append([*policies])
        answer = await super().vendors(policies)
        await self.let.wait()
        return answer


async def test_all_who_ask_within_a_second_share_one_question(stores: Stores) -> None:
    stores.queue.looks = looks = CountedLooks(stores.redis)
    policies = {f"vendor-{number}": VendorPolicy() for number in range(100)}
    looks.let.set()
    async with open_vendor_states(stores.database, stores.queue, policies) as states:
        await asyncio.gather(*(states.looks(policies) for _ in range(10)), states.all(), states.look("vendor-7"))
        await states.looks(policies)
        assert looks.asked == [[*policies]]


class HalfLooks(CountedLooks):
    """Never answers of few."""

    async def vendors(self, policies: Mapping[str, VendorPolicy]) -> dict[str, VendorLook]:
        if len(policies) == LARGEST_LOOK:
            self.let.set()
            return await super().vendors(policies)
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_list_that_lacks_those_who_are_slow_is_none(stores: Stores) -> None:
    stores.queue.looks = HalfLooks(stores.redis)
    policies = {f"vendor-{number}": VendorPolicy() for number in range(LARGEST_LOOK + 1)}
    async with open_vendor_states(stores.database, stores.queue, policies) as states:
        with pytest.raises(Unavailable):
            await states.looks(policies)
        found = await states.all()
    assert [name for name, state in found.items() if state is None] == [f"vendor-{LARGEST_LOOK}"]


async def test_a_pause_is_seen_at_once_though_a_look_was_under_way(stores: Stores) -> None:
    stores.queue.looks = looks = CountedLooks(stores.redis)
    async with open_vendor_states(stores.database, stores.queue, POLICIES) as states:
        listing = asyncio.create_task(states.looks(POLICIES))
        while not looks.asked:
            await asyncio.sleep(0)
        await stores.redis.ping()
        await states.pause("sync", "root")
        looks.let.set()
        await listing
        paused = await states.look("sync")
    assert paused is not None
    assert paused.paused


@asynccontextmanager
async def hanging() -> AsyncIterator[int]:
    """The port of a server that takes connections and says nothing."""
    silent = await asyncio.start_server(_never_answer, "127.0.0.1", 0)
    async with silent:
        yield silent.sockets[0].getsockname()[1]


async def _never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()
