"""How the fleet's breakers of a vendor's instances stand, on a real Redis."""

import asyncio
from collections.abc import Sequence

from redis.asyncio import Redis

from domain.balancing.instances import Instance
from domain.breakers import BreakerLook, BreakerState, CallOutcome
from domain.infra.breakers import open_breakers
from domain.infra.queue import Queue
from domain.infra.queue_looks import QueueLooks
from domain.infra.redis import open_redis
from domain.infra.vendor_keys import key_of_breaker
from domain.infra.vendor_states import open_vendor_states
from domain.vendor_states import InstanceState
from domain.vendors import VendorPolicy, instance_breaker
from tests.stores import LEASE, Stores

A, B, C = (Instance(f"https://{name}.example:8443", weight) for name, weight in (("a", 1), ("b", 2), ("c", 1)))
POLICIES = {"sync": VendorPolicy(), "plain": VendorPolicy()}
INSTANCES = {"sync": (A, B, C)}


async def test_each_says_how_its_own_breaker_stands(stores: Stores) -> None:
    async with open_breakers(stores.redis) as breakers:
        for _ in range(4):
            await breakers.tell(instance_breaker("sync", B.url), CallOutcome.FAILED)
        until = await breakers.tell(instance_breaker("sync", B.url), CallOutcome.FAILED)
        await breakers.tell(instance_breaker("sync", A.url), CallOutcome.FAILED)
        async with stores.redis.pipeline() as pipeline:
            name = key_of_breaker(instance_breaker("sync", C.url))
            pipeline.hset(name, mapping={"row": 6, "openings": 1, "until": 1})
            await pipeline.execute()
        async with open_vendor_states(stores.database, stores.queue, POLICIES, instances=INSTANCES) as states:
            found = await states.instances("sync")
            assert await states.instances("plain") == ()
    assert found == [
        InstanceState(A, BreakerLook(failures=1)),
        InstanceState(B, BreakerLook(BreakerState.OPEN, until, 5)),
        InstanceState(C, BreakerLook(BreakerState.HALF_OPEN, None, 6)),
    ]


async def test_of_a_redis_that_is_away_nothing_is_told(stores: Stores) -> None:
    async with (
        open_redis("redis://127.0.0.1:1/0") as away,
        open_vendor_states(stores.database, Queue(away, lease=LEASE), POLICIES, instances=INSTANCES) as states,
    ):
        assert await states.instances("sync") is None
        assert await states.instances("plain") == ()


class CountedLooks(QueueLooks):
    def __init__(self, redis: Redis) -> None:
        super().__init__(redis, lease=LEASE)
        self.asked = 0

    async def breakers(self, names: Sequence[str]) -> list[BreakerLook]:
        self.asked += 1
        return await super().breakers(names)


async def test_all_who_ask_within_a_second_share_one_question(stores: Stores) -> None:
    stores.queue.looks = looks = CountedLooks(stores.redis)
    async with open_vendor_states(stores.database, stores.queue, POLICIES, instances=INSTANCES) as states:
        await asyncio.gather(*(states.instances("sync") for _ in range(20)))
        await states.instances("sync")
    assert looks.asked == 1
