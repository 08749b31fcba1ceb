"""The queue's scripts on a real Redis: once, fenced, and no wake-up lost or wasted."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from redis.asyncio import Redis

from domain.infra.queue import WAKE_ALL, WAKE_CHANNEL, Queue, Return
from domain.infra.queue_keys import queue_key
from domain.jobs import Priority
from domain.ports import Queued
from domain.request_ids import new_request_id
from tests.stores import LEASE, Stores

KEY = queue_key("sync", Priority.NORMAL)


def due_now(request_id: UUID | None = None, priority: Priority = Priority.NORMAL) -> Queued:
    return Queued(request_id or new_request_id(), "sync", priority, datetime.now(UTC) - timedelta(seconds=1))


async def test_an_id_is_queued_once(stores: Stores) -> None:
    job = due_now()
    assert await stores.queue.enqueue([job, job]) == 1
    assert await stores.queue.enqueue([job]) == 0


async def test_queueing_again_leaves_a_live_lease_alone(stores: Stores) -> None:
    job = due_now()
    await stores.queue.enqueue([job])
    await stores.queue.claim("sync", 1, "t:1")
    lease_end = await stores.redis.zscore(KEY, str(job.request_id))
    assert await stores.queue.enqueue([job]) == 0
    await stores.redis.zrem(KEY, str(job.request_id))  # even where only the lease is left
    assert await stores.queue.enqueue([job]) == 0
    assert lease_end is not None


async def test_twenty_claims_at_once_share_a_hundred_jobs_without_overlap(stores: Stores) -> None:
    await stores.queue.enqueue([due_now() for _ in range(100)])
    claims = await asyncio.gather(*(stores.queue.claim("sync", 10, f"t:{n}") for n in range(20)))
    ids = [lease.request_id for claim in claims for lease in claim.leases]
    assert (len(ids), len(set(ids))) == (100, 100)


async def test_a_lease_that_is_over_is_claimed_by_another(stores: Stores) -> None:
    await stores.queue.enqueue([due_now()])
    first = (await stores.queue.claim("sync", 1, "t:1")).leases
    second = await stores.queue.claim("sync", 1, "t:2")
    assert (len(first), second.leases) == (1, [])
    assert second.ask_again_at is not None
    for _ in range(5):  # slow: a lease's length has to pass on Redis' clock, with somebody there all the time
        await asyncio.sleep(LEASE.total_seconds() / 5)
        await stores.queue.renew([])
    assert len((await stores.queue.claim("sync", 1, "t:3")).leases) == 1


async def test_after_a_hang_of_redis_a_lease_that_ran_out_is_its_holders_first(stores: Stores) -> None:
    await stores.queue.enqueue([due_now()])
    lease = (await stores.queue.claim("sync", 1, "t:1")).leases[0]
    await asyncio.sleep(LEASE.total_seconds() * 1.1)  # slow: nobody reaches Redis for longer than a lease
    await stores.queue.enqueue([due_now()])
    early = await stores.queue.claim("sync", 10, "t:2")  # was waiting in its socket, ahead of any renewal
    assert lease.request_id not in {other.request_id for other in early.leases}
    assert len(early.leases) == 1  # what is fresh goes on meanwhile
    assert await stores.queue.renew([lease]) == set()
    assert await stores.queue.confirmed([lease]) == [True]


async def test_a_return_after_the_lease_was_lost_changes_nothing(stores: Stores) -> None:
    await stores.queue.enqueue([due_now()])
    lease = (await stores.queue.claim("sync", 1, "t:1")).leases[0]
    await stores.redis.set(f"arq:in-progress:{lease.request_id}", "t:2", px=60_000)
    await stores.queue.give_back([Return(lease)])
    assert await stores.redis.get(f"arq:in-progress:{lease.request_id}") == b"t:2"
    assert await stores.redis.zscore(KEY, lease.request_id) is not None
    assert await stores.queue.renew([lease]) == {lease.request_id}
    assert await stores.queue.confirmed([lease]) == [False]


async def test_a_missing_lease_is_set_again_by_its_holder(stores: Stores) -> None:
    await stores.queue.enqueue([due_now()])
    lease = (await stores.queue.claim("sync", 1, "t:1")).leases[0]
    await stores.redis.flushdb()
    assert await stores.queue.renew([lease]) == set()
    assert await stores.queue.confirmed([lease]) == [True]
    assert await stores.redis.get(f"arq:job:{lease.request_id}") is not None
    assert (await stores.queue.claim("sync", 1, "t:2")).leases == []


async def heard(redis: Redis, queue: Queue, jobs: list[Queued]) -> int:
    """How many wake-ups the enqueueing of `jobs`, one by one, publishes."""
    async with redis.pubsub(ignore_subscribe_messages=True) as subscription:
        await subscription.subscribe(WAKE_CHANNEL, "the-end")
        for job in jobs:
            await queue.enqueue([job])
        await redis.publish("the-end", "")
        count = 0
        while True:
            message = await subscription.get_message(timeout=5)
            if message is not None and message["channel"] == b"the-end":
                return count
            count += message is not None


async def test_a_waiting_worker_is_woken_once_and_a_busy_one_never(stores: Stores) -> None:
    await stores.remember()
    assert await heard(stores.redis, stores.queue, [due_now()]) == 0
    await stores.queue.claim("sync", 10, "t:1")  # came up short: somebody waits now
    assert await heard(stores.redis, stores.queue, [due_now(), due_now(), due_now()]) == 1
    await stores.queue.claim("sync", 2, "t:2")  # got all it asked for: nobody waits
    assert await heard(stores.redis, stores.queue, [due_now()]) == 0


async def test_a_waiting_worker_is_woken_after_a_flush_that_forgot_that_it_waits(stores: Stores) -> None:
    await stores.remember()
    await stores.queue.claim("sync", 10, "t:1")
    await stores.redis.flushdb()
    assert await heard(stores.redis, stores.queue, [due_now()]) == 1
    async with stores.redis.pubsub(ignore_subscribe_messages=True) as subscription:
        await subscription.subscribe(WAKE_CHANNEL)
        await stores.remember()  # who fell asleep since
        while (message := await subscription.get_message(timeout=5)) is None:
            pass
        assert message["data"] == WAKE_ALL.encode()


async def test_a_flush_while_redis_is_filled_again_is_noticed(stores: Stores) -> None:
    filling = await stores.queue.begin_to_fill("w")
    await stores.redis.flushdb()
    assert not await stores.queue.remember(["sync"], filling)
    assert await stores.queue.forgotten(["sync"]) == ["sync"]


async def test_what_one_worker_has_queued_again_says_nothing_of_other_vendors(stores: Stores) -> None:
    await stores.remember("sync")
    assert await stores.queue.forgotten(["sync", "async"]) == ["async"]


async def test_what_is_queued_late_stands_where_its_time_puts_it(stores: Stores) -> None:
    late = [due_now() for _ in range(3)]
    for job in reversed(late):
        ago = timedelta(minutes=3 - late.index(job))
        await stores.queue.enqueue([replace(job, due_at=datetime.now(UTC) - ago)])
    claimed = (await stores.queue.claim("sync", 3, "t:1")).leases
    assert [lease.request_id for lease in claimed] == [str(job.request_id) for job in late]


async def test_high_goes_first_and_low_is_not_starved(stores: Stores) -> None:
    await stores.queue.enqueue([due_now(priority=priority) for priority in Priority for _ in range(8)])
    order = [(await stores.queue.claim("sync", 1, f"t:{n}")).leases[0].priority for n in range(8)]
    assert order[0] == "high"
    assert order.count("high") > order.count("normal") >= order.count("low") == 1


async def test_a_closed_vendor_gives_nothing_out_and_a_shorter_closing_does_not_open_it(stores: Stores) -> None:
    await stores.queue.enqueue([due_now()])
    await stores.queue.close_vendor("sync", timedelta(seconds=60))
    await stores.queue.close_vendor("sync", timedelta(seconds=1))
    claim = await stores.queue.claim("sync", 1, "t:1")
    assert (claim.closed, claim.leases) == (True, [])
    assert claim.ask_again_at is not None
    assert claim.ask_again_at - claim.now > timedelta(seconds=50)


async def test_a_job_is_not_due_before_its_time(stores: Stores) -> None:
    later = Queued(new_request_id(), "sync", Priority.NORMAL, datetime.now(UTC) + timedelta(minutes=1))
    await stores.queue.enqueue([later])
    claim = await stores.queue.claim("sync", 1, "t:1")
    assert claim.leases == []
    assert claim.ask_again_at is not None
    assert abs(claim.ask_again_at - later.due_at) < timedelta(milliseconds=2)


async def test_only_an_old_lease_is_asked_about(stores: Stores) -> None:
    await stores.queue.enqueue([due_now()])
    lease = (await stores.queue.claim("sync", 1, "t:1")).leases[0]
    await stores.redis.set(f"arq:in-progress:{lease.request_id}", "t:2", px=60_000)
    assert await stores.queue.still_held([lease]) == [True]  # younger than any expiry
    old = replace(lease, claimed_at=lease.claimed_at - LEASE.total_seconds())
    assert await stores.queue.still_held([old]) == [False]


async def test_a_turn_is_taken_by_one_of_the_fleet(stores: Stores) -> None:
    turns = [await stores.queue.take_turn("sweep", timedelta(minutes=1)) for _ in range(3)]
    assert turns == [True, False, False]
    assert await stores.queue.take_turn("another", timedelta(minutes=1))
