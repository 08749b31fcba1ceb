"""Clients take turns within a vendor's class, on a real Redis; and what is counted of them stays right."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.infra.limiter import Limiter, Restored
from domain.infra.limits import CallLimits
from domain.infra.queue import Lease, Queue, Return
from domain.infra.queue_keys import APART, CLASSES, queue_key, ring_key
from domain.infra.redis import RedisClient, open_redis
from domain.jobs import Priority
from domain.ports import Queued
from domain.request_ids import new_request_id
from domain.vendors import VendorPolicy

MINUTE = timedelta(minutes=1)
PAST = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
async def redis(redis_database_url: str) -> AsyncIterator[RedisClient]:
    async with open_redis(redis_database_url) as redis:
        yield redis


@pytest.fixture
def queue(redis: RedisClient) -> Queue:
    return Queue(redis, lease=MINUTE)


def jobs_of(client: str, how_many: int, priority: Priority = Priority.NORMAL, due_at: datetime = PAST) -> list[Queued]:
    return [Queued(new_request_id(), "sync", priority, due_at, client) for _ in range(how_many)]


async def served(queue: Queue, sizes: Sequence[int], limits: CallLimits | None = None) -> list[str]:
    """Whose jobs are claimed, one by one, by claims of these sizes; none is given back."""
    claims = [await queue.claim("sync", size, f"t:{n}", limits) for n, size in enumerate(sizes)]
    return [lease.client for claim in claims for lease in claim.leases]


@pytest.mark.parametrize("size", [1, 7, 100])
async def test_ten_thousand_jobs_of_one_client_delay_anothers_ten_by_one_round(queue: Queue, size: int) -> None:
    await queue.enqueue(jobs_of("a", 10_000))
    await served(queue, [size])
    await queue.enqueue(jobs_of("b", 10))
    order = await served(queue, [size] * (20 // size + 1))
    assert order[: max(20, size)].count("b") == 10


@pytest.mark.parametrize("size", [1, 7, 100])
async def test_uneven_backlogs_get_even_shares_for_as_long_as_they_last(queue: Queue, size: int) -> None:
    for client, backlog in (("a", 300), ("b", 200), ("c", 60)):
        await queue.enqueue(jobs_of(client, backlog))
    shares: Counter[str] = Counter()
    for number in range(280 // size):
        claim = await queue.claim("sync", size, f"t:{number}")
        shares.update(lease.client for lease in claim.leases)
        assert len(claim.leases) == size
        if shares["c"] < 60:
            assert max(shares.values()) - min(shares[client] for client in "abc") <= 1
    assert abs(shares["a"] - shares["b"]) <= 1


async def test_a_limited_vendor_is_shared_call_by_call(queue: Queue, redis: RedisClient) -> None:
    limits = CallLimits.of("sync", VendorPolicy(concurrency=5))
    await queue.enqueue([*jobs_of("a", 50), *jobs_of("b", 50), *jobs_of("c", 50)])
    notice = ""
    while not notice:
        notice = (await queue.claim("sync", 1, "t:first", limits)).notice
    assert await Limiter(redis, lease=MINUTE).restore("sync", limits, notice, Restored())
    shares: Counter[str] = Counter()
    for number in range(6):
        leases = (await queue.claim("sync", 50, f"t:{number}", limits)).leases
        shares.update(lease.client for lease in leases)
        assert max(shares.values()) - min(shares[client] for client in "abc") <= 1
        await queue.give_back([Return(lease) for lease in leases])
    assert shares.total() == 30


async def test_a_thousand_clients_are_each_served_once_before_any_is_served_twice(queue: Queue) -> None:
    for client in range(1_000):
        await queue.enqueue(jobs_of(f"client {client}", 2))
    order = await served(queue, [64] * 32)
    assert len(set(order[:1_000])) == 1_000
    assert order[:1_000] == order[1_000:2_000]


async def test_low_moves_while_high_is_always_there(queue: Queue) -> None:
    await queue.enqueue([*jobs_of("a", 100, Priority.HIGH), *jobs_of("b", 100, Priority.HIGH)])
    await queue.enqueue(jobs_of("c", 3, Priority.LOW))
    assert (await served(queue, [1] * 24)).count("c") == 3


@pytest.mark.parametrize("vendor", ["sync", "other"])
@pytest.mark.parametrize("held", range(8))
async def test_low_moves_however_often_claims_in_between_get_nothing(queue: Queue, vendor: str, held: int) -> None:
    """Of a limited vendor every other claim may be held: counted, they could take each turn that is low's."""
    await queue.enqueue([*jobs_of("a", 30, Priority.HIGH), *jobs_of("c", 30, Priority.LOW)])
    got: Counter[str] = Counter()
    for number in range(16):
        got.update(await served(queue, [1]))
        for nothing in range(held):
            await queue.claim(vendor, 0, f"held:{number}:{nothing}")
    assert got == {"a": 14, "c": 2}


async def test_a_lane_whose_time_comes_stands_behind_those_that_wait(queue: Queue, redis: RedisClient) -> None:
    (later,) = jobs_of("later", 1, due_at=datetime.now(UTC) + MINUTE)
    await queue.enqueue([later, *jobs_of("a", 5)])
    await queue.enqueue(jobs_of("b", 5))
    assert await served(queue, [2]) == ["a", "b"]
    await redis.zadd(queue_key("sync", Priority.NORMAL, "later"), {str(later.request_id): 1})  # a minute has passed
    await redis.zadd(ring_key("sync", Priority.NORMAL), {"later": 1})
    assert await served(queue, [1] * 4) == ["a", "b", "later", "a"]


async def die(redis: RedisClient, leases: Sequence[Lease]) -> None:
    """Their holder: the leases' end has passed, one after the other, and Redis has been there all the time."""
    await redis.delete("gateway:grace")
    for at, lease in enumerate(leases, start=1_700_000_000_000):
        score = at + 0.5
        await redis.delete(f"arq:in-progress:{lease.request_id}")
        await redis.zadd(queue_key("sync", Priority.NORMAL, lease.client), {lease.request_id: score})
        await redis.zadd("gateway:later:sync:normal", {f"{lease.request_id}:{lease.client}": score})


async def test_what_lost_its_holder_goes_before_the_backlog_of_its_client(queue: Queue, redis: RedisClient) -> None:
    jobs = jobs_of("a", 300)
    for job in jobs:
        await queue.enqueue([job])
    lost = (await queue.claim("sync", 3, "t:dead")).leases
    assert len(lost) == 3
    await queue.enqueue(jobs_of("b", 1))
    await die(redis, lost)
    found = (await queue.claim("sync", 8, "t:next")).leases
    assert [lease.request_id for lease in found if lease.client == "a"][:3] == [lease.request_id for lease in lost]
    assert [lease.client for lease in found].count("b") == 1
    assert await redis.zcard("gateway:later:sync:normal") == 8


async def test_what_somebody_may_hold_when_redis_forgets_goes_before_the_backlog_when_nobody_did(
    queue: Queue, redis: RedisClient
) -> None:
    (called,) = jobs_of("a", 1, due_at=datetime.now(UTC) + MINUTE)
    await queue.enqueue([*jobs_of("a", 300), replace(called, held=True)])
    lane, name = queue_key("sync", Priority.NORMAL, "a"), f"{called.request_id}:a"
    scores = [await redis.zscore(lane, str(called.request_id)), await redis.zscore("gateway:later:sync:normal", name)]
    assert scores == [round(called.due_at.timestamp() * 1000) + 0.5] * 2
    await queue.renew([])  # Redis is there all the time
    await redis.delete("gateway:grace")
    past = PAST.timestamp() * 1000 + 1.5
    await redis.zadd("gateway:later:sync:normal", {name: past})  # a minute has passed
    await redis.zadd(lane, {str(called.request_id): past})
    (first,) = (await queue.claim("sync", 1, "t:1")).leases
    assert first.request_id == str(called.request_id)


async def test_what_an_earlier_version_left_among_the_later_ones_holds_nobody_up(
    queue: Queue, redis: RedisClient
) -> None:
    (job,) = jobs_of("a", 1)
    await queue.enqueue([job])
    await redis.zadd("gateway:later:sync:normal", {str(new_request_id()): 1_700_000_000_000.5})
    assert [lease.request_id for lease in (await queue.claim("sync", 1, "t:1")).leases] == [str(job.request_id)]
    assert await redis.zcard("gateway:later:sync:normal") == 1


async def test_what_was_scheduled_goes_before_nobody(queue: Queue, redis: RedisClient) -> None:
    (early,) = jobs_of("a", 1)
    (later,) = jobs_of("a", 1, due_at=datetime.now(UTC) + MINUTE)
    await queue.enqueue([later, early])
    name, score = f"{later.request_id}:a", PAST.timestamp() * 1000 + 1
    assert await redis.zscore("gateway:later:sync:normal", name) is not None
    await redis.zadd("gateway:later:sync:normal", {name: score})  # a minute has passed
    await redis.zadd(queue_key("sync", Priority.NORMAL, "a"), {str(later.request_id): score})
    first = (await queue.claim("sync", 1, "t:1")).leases
    second = (await queue.claim("sync", 1, "t:2")).leases
    assert [lease.request_id for lease in first + second] == [str(early.request_id), str(later.request_id)]


async def test_what_must_run_apart_is_claimed_in_no_other_way(queue: Queue) -> None:
    (alone,) = jobs_of("a", 1)
    await queue.enqueue([replace(alone, apart=True), *jobs_of("a", 1)])
    assert len((await queue.claim("sync", 10, "t:1")).leases) == 1
    (lease,) = (await queue.claim("sync", 10, "t:2", apart=True)).leases
    assert (lease.request_id, lease.priority) == (str(alone.request_id), APART)
    await queue.give_back([Return(lease, due_again=PAST)])
    assert (await queue.claim("sync", 10, "t:3")).leases == []
    assert await queue.forget([replace(alone, apart=True)]) == 1


async def test_backlogs_are_counted_by_vendor_and_by_client(queue: Queue, redis: RedisClient) -> None:
    other = [replace(job, vendor="other") for job in jobs_of("a", 2)]
    await queue.enqueue([*jobs_of("a", 3), *jobs_of("a", 1, Priority.LOW), *jobs_of("b", 5), *other])
    assert await queue.looks.backlogs(["sync", "other", "none"], ["a", "b", "c"]) == ([9, 2, 0], [6, 5, 0])
    for lease in (await queue.claim("sync", 9, "t:1")).leases:
        await queue.give_back([Return(lease)])
    assert await queue.looks.backlogs(["sync"], ["a", "b"]) == ([0], [2, 0])
    await redis.flushdb()
    assert await queue.looks.backlogs(["sync", "other"], ["a"]) == ([0, 0], [0])


async def test_what_a_plain_arq_worker_took_out_is_not_counted_for_ever(queue: Queue, redis: RedisClient) -> None:
    await queue.enqueue([*jobs_of("a", 3), *jobs_of("b", 2)])
    await redis.delete(queue_key("sync", Priority.NORMAL, "a"))
    assert await queue.looks.backlogs(["sync"], ["a", "b"]) == ([2], [0, 2])
    assert await served(queue, [10]) == ["b", "b"]
    assert await redis.zrange(ring_key("sync", Priority.NORMAL), 0, -1) == [b"b"]


async def test_the_rank_counts_what_the_others_get_meanwhile(queue: Queue) -> None:
    many, few = (sorted(jobs, key=lambda job: job.request_id) for jobs in (jobs_of("a", 20), jobs_of("b", 3)))
    await queue.enqueue(many)
    await queue.enqueue(few)
    asked = [many[0], few[0], many[2], few[2], many[10]]
    told = await queue.looks.ranks(asked)
    order = [lease for n in range(23) for lease in (await queue.claim("sync", 1, f"t:{n}")).leases]
    ids = [lease.request_id for lease in order]
    assert told == [ids.index(str(job.request_id)) for job in asked] == [0, 1, 4, 5, 13]


async def test_among_many_even_lanes_a_rank_is_right(queue: Queue) -> None:
    jobs = [job for client in range(150) for job in jobs_of(f"client {client}", 2)]
    await queue.enqueue(jobs)
    told = await queue.looks.ranks(jobs)
    order = [lease.request_id for n in range(6) for lease in (await queue.claim("sync", 50, f"t:{n}")).leases]
    true = [order.index(str(job.request_id)) for job in jobs]
    assert told == true


async def test_the_look_is_right_over_all_lanes(queue: Queue) -> None:
    await queue.enqueue([*jobs_of("a", 3), *jobs_of("b", 2, due_at=datetime.now(UTC) + MINUTE), *jobs_of("c", 1)])
    await queue.claim("sync", 2, "t:1")
    look = await queue.looks.vendor("sync", VendorPolicy())
    assert (look.running, look.queued["normal"], look.due["normal"]) == (2, 4, 2)
    assert look.oldest_due is not None
    await queue.claim("sync", 9, "t:2")
    look = await queue.looks.vendor("sync", VendorPolicy())
    assert (look.running, look.queued["normal"], look.due["normal"], look.oldest_due) == (4, 2, 0, None)


async def test_the_queues_of_an_earlier_version_go_when_all_has_been_queued_again(
    queue: Queue, redis: RedisClient
) -> None:
    await redis.set("gateway:memory", "1")  # where the earlier version noted that Redis knows everything
    await redis.zadd("arq:queue:sync:normal", {"an id": 1})
    await queue.enqueue(jobs_of("a", 1))
    assert await queue.forgotten(["sync"]) == ["sync"]
    assert await queue.remember(["sync"], await queue.begin_to_fill("w"))
    assert await redis.keys("arq:queue:*") == [b"arq:queue:sync:normal:a"]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("enqueue"), st.integers(1, 4), st.sampled_from("abc")),
        st.tuples(st.just("schedule"), st.integers(1, 2), st.sampled_from("abc")),
        st.tuples(st.just("claim"), st.integers(1, 6), st.just("")),
        st.tuples(st.just("finish"), st.integers(0, 20), st.just("")),
        st.tuples(st.just("postpone"), st.integers(0, 20), st.just("")),
        st.tuples(st.just("forget"), st.integers(0, 20), st.just("")),
        st.tuples(st.just("flush"), st.just(0), st.just("")),
    ),
    max_size=30,
)


@given(steps=steps)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
async def test_nothing_is_lost_claimed_twice_or_counted_wrong(
    queue: Queue, redis: RedisClient, steps: list[tuple[str, int, str]]
) -> None:
    await redis.flushdb()
    live: dict[str, Queued] = {}
    leases: dict[str, Lease] = {}
    for number, (what, count, client) in enumerate(steps):
        if what in {"enqueue", "schedule"}:
            fresh = jobs_of(client, count, due_at=PAST if what == "enqueue" else datetime.now(UTC) + MINUTE)
            live |= {str(job.request_id): job for job in fresh}
            await queue.enqueue([*live.values()])  # the sweep's way: what Redis holds is left as it is
        elif what == "claim":
            claim = await queue.claim("sync", count, f"t:{number}")
            due = [job for key, job in live.items() if key not in leases and job.due_at <= datetime.now(UTC)]
            assert len(claim.leases) == min(count, len(due))
            assert all(lease.request_id in live and lease.request_id not in leases for lease in claim.leases)
            leases |= {lease.request_id: lease for lease in claim.leases}
        elif what == "flush":
            await redis.flushdb()
            assert await queue.renew([*leases.values()]) == set()
            await queue.enqueue([*live.values()])
        elif what == "forget" and live:
            key = [*live][count % len(live)]
            if await queue.forget([live[key]]):
                assert key not in leases
                del live[key]
        elif what in {"finish", "postpone"} and leases:
            await give_back(queue, live, leases.pop([*leases][count % len(leases)]), postponed=what == "postpone")
        await check(queue, redis, live, leases)
    ends = [lease for n in range(40) for lease in (await queue.claim("sync", 7, f"end:{n}")).leases]
    waiting = {key for key, job in live.items() if key not in leases and job.due_at <= datetime.now(UTC)}
    assert sorted(lease.request_id for lease in ends) == sorted(waiting)


async def give_back(queue: Queue, live: dict[str, Queued], lease: Lease, *, postponed: bool) -> None:
    await queue.give_back([Return(lease, due_again=PAST if postponed else None)])
    job = live.pop(lease.request_id)
    if postponed:
        live[lease.request_id] = replace(job, due_at=PAST)


async def check(queue: Queue, redis: RedisClient, live: dict[str, Queued], leases: dict[str, Lease]) -> None:
    """What is counted is what stands there, and no ring says "later" of a lane that is due."""
    clients = Counter(job.client for job in live.values())
    vendors, of_clients = await queue.looks.backlogs(["sync"], ["a", "b", "c"])
    assert (vendors, of_clients) == ([len(live)], [clients[client] for client in "abc"])
    look = await queue.looks.vendor("sync", VendorPolicy())
    waiting = {key: job for key, job in live.items() if key not in leases}
    due = [job for job in waiting.values() if job.due_at <= look.now]
    assert (sum(look.queued.values()), sum(look.due.values()), look.running) == (len(waiting), len(due), len(leases))
    assert (look.oldest_due is not None) == bool(due)
    turns = dict(await redis.zrange(ring_key("sync", Priority.NORMAL), 0, -1, withscores=True))
    assert {client.decode() for client in turns} == set(clients)
    assert all(turns[job.client.encode()] < 0 for job in due)
    assert set(look.queued) == set(CLASSES)
