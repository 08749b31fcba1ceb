"""How all vendors stand, on a real Redis: as each one's own look says, in one round trip, and soon even if it hangs."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from domain.breakers import BreakerState, CallOutcome
from domain.infra.breakers import open_breakers
from domain.infra.queue import Queue
from domain.infra.redis import open_redis
from domain.infra.vendor_standings import RedisVendorStandings
from domain.infra.vendor_states import PATIENCE_SECONDS, open_vendor_states
from domain.jobs import Priority
from domain.ports import Queued
from domain.request_ids import new_request_id
from domain.vendor_control import NoControls
from domain.vendor_states import Recent
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
    found = await RedisVendorStandings(stores.queue, POLICIES, NoControls()).all()
    async with open_vendor_states(stores.database, stores.queue, POLICIES) as states:
        looked = {name: await states.look(name) for name in POLICIES}
    sync, slow = found["sync"], found["slow"]
    assert sync is not None
    assert slow is not None
    assert (sync.breaker.state, slow.due, slow.paused, len(slow.windows)) == (BreakerState.OPEN, 3, True, 2)
    for name, state in found.items():
        other = looked[name]
        assert state is not None
        assert other is not None
        assert replace(other, at=state.at, oldest_due=state.oldest_due, recent=Recent(), table=None) == state


async def test_a_limit_that_no_call_can_keep_to_hides_no_other_vendor(stores: Stores) -> None:
    policies = {**POLICIES, "odd": VendorPolicy(limit="1/second", cost=2)}
    found = await RedisVendorStandings(stores.queue, policies, NoControls()).all()
    assert [name for name, state in found.items() if state is None] == ["odd"]


async def test_of_a_redis_that_is_away_or_hangs_nothing_is_told_and_soon() -> None:
    silent = await asyncio.start_server(_never_answer, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with silent:
        for number in (1, port):
            async with open_redis(f"redis://127.0.0.1:{number}/0") as away:
                begun = time.monotonic()
                found = await RedisVendorStandings(Queue(away, lease=LEASE), POLICIES, NoControls()).all()
                assert found == {"sync": None, "slow": None}
                assert time.monotonic() - begun < PATIENCE_SECONDS + 1.0


async def _never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()
