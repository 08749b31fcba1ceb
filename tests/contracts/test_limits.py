"""The limits inside the claim script, on a real Redis whose clock the test moves."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from limits import parse
from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from domain.errors import ConfigurationError, NotNow
from domain.infra.limiter import Late, Limiter, Restored
from domain.infra.limits import CallLimits
from domain.infra.queue import Claim, Lease, Queue, Return
from domain.infra.queue_keys import queue_key
from domain.infra.reservations import PermitStorage, VendorReservations
from domain.jobs import Priority
from domain.ports import Queued
from domain.request_ids import new_request_id
from domain.vendors import VendorPolicy

SECOND = 1_000_000
START = 1_800_000_000 * SECOND
CLOCK = "{redis.call('GET', 'test:seconds'), redis.call('GET', 'test:micros')}"
LANE = queue_key("sync", Priority.NORMAL)
MINUTE = timedelta(minutes=1)


class TimedRedis(Redis):
    """A Redis whose scripts see the time that the test says."""

    def register_script(self, script: str) -> AsyncScript:  # type: ignore[override]
        return super().register_script(script.replace("redis.call('TIME')", CLOCK))


@dataclass
class Bench:
    """One limited vendor with a long backlog; its time passes when the test says."""

    redis: TimedRedis
    limits: CallLimits
    micros: int = START
    claims: int = 0
    leases: list[Lease] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.queue, self.limiter = Queue(self.redis, lease=MINUTE), Limiter(self.redis, lease=MINUTE)

    async def begin(self, jobs: int = 300) -> None:
        await self.redis.flushdb()
        await self.move(0)
        past = datetime(2020, 1, 1, tzinfo=UTC)
        await self.queue.enqueue([Queued(new_request_id(), "sync", Priority.NORMAL, past) for _ in range(jobs)])
        ids = await self.redis.zrange(LANE, 0, -1)
        await self.redis.zadd(LANE, dict.fromkeys(ids, 0))  # due, wherever the clock steps
        await self.restore()

    async def restore(self, known: Restored | None = None) -> None:
        notice = (await self.claim(1)).notice
        if not notice:
            await self.move(SECOND // 4)
            notice = (await self.claim(1)).notice
        assert await self.limiter.restore("sync", self.limits, notice, known or Restored())

    async def move(self, micros: int) -> None:
        self.micros += micros
        seconds, rest = divmod(self.micros, SECOND)
        await self.redis.mset({"test:seconds": seconds, "test:micros": rest})

    async def claim(self, how_many: int) -> Claim:
        self.claims += 1
        claim = await self.queue.claim("sync", how_many, f"t:{self.claims}", self.limits)
        self.leases += claim.leases
        return claim

    async def again(self, lease: Lease) -> int | NotNow:
        _, (answer,) = await self.limiter.reserve_again("sync", self.limits, [Late(lease.request_id, lease.permit)])
        return answer


@pytest.fixture
async def timed(redis_database_url: str) -> AsyncIterator[TimedRedis]:
    async with TimedRedis.from_url(redis_database_url) as redis:
        yield redis


async def a_bench(redis: TimedRedis, limit: str | None = "50/second", **policy: Any) -> Bench:
    bench = Bench(redis, CallLimits.of("sync", VendorPolicy(limit=limit, **policy)))
    await bench.begin()
    return bench


def worst(starts: Sequence[int], span: int) -> int:
    """The most starts in any window of this length, both ends included."""
    ordered = sorted(starts)
    return max(sum(first <= start <= first + span for start in ordered) for first in ordered)


async def test_a_quiet_vendor_gets_a_full_burst_and_then_waits_for_the_window(timed: TimedRedis) -> None:
    bench = await a_bench(timed)
    burst = (await bench.claim(60)).leases
    assert len(burst) == 50
    assert max(lease.permit for lease in burst) - bench.micros < 0.02 * SECOND
    held = (await bench.claim(60)).held
    assert held is not None
    assert (held.why, held.due) == ("its limit of 50 per 1 second", 250)
    await bench.move(SECOND)
    later = (await bench.claim(60)).leases
    assert min(lease.permit for lease in later) >= burst[0].permit + SECOND + 25_000
    assert worst([lease.permit for lease in bench.leases], SECOND) == 50


async def test_starts_are_spread_and_never_before_the_last_one_though_the_clock_steps_back(timed: TimedRedis) -> None:
    bench = await a_bench(timed)
    for _ in range(4):
        await bench.claim(5)
        await bench.move(-2_000)
    starts = [lease.permit for lease in bench.leases]
    assert all(after - before == 250 for before, after in pairwise(starts))


async def test_what_may_not_start_stays_queued_and_the_claim_says_when_to_ask(timed: TimedRedis) -> None:
    bench = await a_bench(timed, "1/minute")
    assert len((await bench.claim(10)).leases) == 1
    claim = await bench.claim(10)
    assert claim.ask_again_at is not None
    assert timedelta(seconds=59) < claim.ask_again_at - claim.now < timedelta(seconds=60.1)
    assert await timed.zcard(LANE) == 300
    assert await timed.exists("gateway:idle:sync") == 0  # a wake-up would change nothing


async def test_each_claimed_job_takes_one_permit_and_no_other(timed: TimedRedis) -> None:
    bench = await a_bench(timed)
    claims = await asyncio.gather(*(bench.claim(7) for _ in range(5)))
    assert sum(len(claim.leases) for claim in claims) == 35 == await timed.zcard("gateway:grants:sync")


async def test_a_call_that_costs_two_takes_two(timed: TimedRedis) -> None:
    bench = await a_bench(timed, "10/second", cost=2)
    assert len((await bench.claim(60)).leases) == 5
    assert await timed.zcard("gateway:grants:sync") == 10


async def test_of_several_windows_the_latest_answer_counts(timed: TimedRedis) -> None:
    bench = await a_bench(timed, "5/second; 8/minute")
    for _ in range(4):
        await bench.claim(60)
        await bench.move(SECOND)
    assert len(bench.leases) == 8
    held = (await bench.claim(1)).held
    assert held is not None
    assert held.why == "its limit of 8 per 1 minute"


steps = st.lists(
    st.one_of(
        st.tuples(st.just("claim"), st.integers(1, 40)),
        st.tuples(st.just("move"), st.one_of(st.integers(0, 700_000), st.integers(925_000, 1_030_000))),
        st.tuples(st.just("late"), st.integers(0, 30)),
        st.tuples(st.just("back"), st.integers(0, 5_000_000)),
        st.tuples(st.just("give up"), st.integers(0, 30)),
    ),
    max_size=40,
)


@given(
    limit=st.sampled_from(["5/second", "40/second", "3/second; 7/2 second", "30/second; 45/2 second"]),
    cost=st.integers(1, 3),
    steps=steps,
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
async def test_no_window_ever_holds_more_than_its_amount(
    timed: TimedRedis, limit: str, cost: int, steps: list[tuple[str, int]]
) -> None:
    """Whatever is claimed, late or given up, and wherever Redis' clock steps back to. Slow: some thousand scripts."""
    bench = await a_bench(timed, limit, cost=cost)
    true: dict[tuple[str, int], int] = {}  # when each permit's call starts, on a clock that never steps
    stepped = 0
    for what, number in steps:
        waiting = [key for key, start in true.items() if start > bench.micros + stepped]
        if what == "claim":
            for lease in (await bench.claim(number)).leases:
                true[lease.request_id, lease.permit] = lease.permit + stepped
        elif what == "move":
            await bench.move(number)
        elif what == "back":
            await bench.move(-number)
            stepped += number
        elif waiting:
            request_id, permit = waiting[number % len(waiting)]
            del true[request_id, permit]
            lease = next(lease for lease in bench.leases if lease.request_id == request_id)
            if what == "give up":
                await bench.queue.give_back([Return(lease, permit=permit)])
            elif isinstance(start := await bench.again(replace(lease, permit=permit)), int):
                true[request_id, start] = start + stepped
    for window in bench.limits.windows:
        assert not true or worst(list(true.values()), window.micros) * cost <= window.amount


@pytest.mark.parametrize("cost", [1, 2])
async def test_a_window_is_counted_from_when_a_call_had_arrived(timed: TimedRedis, cost: int) -> None:
    bench = await a_bench(timed, cost=cost)
    burst = (await bench.claim(50)).leases
    late = [Return(lease, permit=lease.permit, arrived_by=lease.permit + 40_000) for lease in burst]
    await bench.queue.give_back(late)
    await bench.queue.give_back(late)  # again, as after a lost answer: nothing more
    await bench.move(1 * SECOND)
    following = (await bench.claim(1)).leases
    assert [lease.permit for lease in following] == [burst[0].permit + 40_000 + SECOND + 25_000]


async def test_a_clock_that_steps_far_back_holds_the_vendor_no_longer_than_its_window(timed: TimedRedis) -> None:
    bench = await a_bench(timed)
    await bench.claim(50)
    await bench.move(-3600 * SECOND)
    assert (await bench.claim(50)).leases == []
    await bench.move(round(1.2 * SECOND))
    assert len((await bench.claim(50)).leases) == 50


async def test_a_late_call_swaps_its_permit_for_another(timed: TimedRedis) -> None:
    bench = await a_bench(timed)
    (lease,) = (await bench.claim(1)).leases
    await bench.move(40_000)
    assert await bench.again(lease) == bench.micros
    assert await timed.zcard("gateway:grants:sync") == 1


async def test_a_late_call_that_finds_the_window_full_gives_up_its_permit_and_waits(timed: TimedRedis) -> None:
    bench = await a_bench(timed, "2/second")
    (lease,) = (await bench.claim(1)).leases
    await bench.move(40_000)
    await bench.claim(1)
    await bench.move(40_000)
    stranger = replace(lease, request_id="another", permit=0)
    refused = await bench.again(stranger)
    assert isinstance(refused, NotNow)
    assert refused.until.timestamp() == pytest.approx((lease.permit + SECOND + 25_000) / SECOND)
    assert isinstance(await bench.again(lease), int)


async def test_those_before_a_permit_that_is_given_up_before_its_start_still_count(timed: TimedRedis) -> None:
    """As when the job was cancelled meanwhile: its place must not be taken at once, but when its window allows it."""
    bench = await a_bench(timed, "2/second")
    first = (await bench.claim(2)).leases
    await bench.move(first[0].permit + 950_000 - bench.micros)
    (ahead,) = (await bench.claim(1)).leases
    assert ahead.permit == first[0].permit + SECOND + 25_000
    await bench.queue.give_back([Return(ahead, permit=ahead.permit)])
    (again,) = (await bench.claim(1)).leases
    assert again.permit == ahead.permit


async def test_permits_that_no_answer_depends_on_are_dropped(timed: TimedRedis) -> None:
    bench = await a_bench(timed, "10/second")
    for _ in range(5):
        await bench.claim(60)
        await bench.move(2 * SECOND)
    assert await timed.zcard("gateway:grants:sync") == 10
    assert 1_000 < await timed.pttl("gateway:grants:sync") < 5_000


@pytest.mark.parametrize("forget", ["flush", "restart", "larger limit"])
async def test_what_was_forgotten_is_restored_before_anything_is_granted(timed: TimedRedis, forget: str) -> None:
    bench = await a_bench(timed, "5/second")
    await bench.claim(5)
    if forget == "flush":
        await timed.delete("gateway:limiter:sync", "gateway:grants:sync")
    elif forget == "restart":
        await timed.set("gateway:limiter:sync", "0123abcd:5:1000000:0")
    else:
        bench.limits = CallLimits.of("sync", VendorPolicy(limit="6/second"))
    first = await bench.claim(5)
    assert (first.leases, first.notice) == ([], "")  # calls that were claimed before are let out or given up first
    assert isinstance(await bench.again(bench.leases[0]), NotNow)
    await bench.move(SECOND // 4)
    notice = (await bench.claim(5)).notice
    await bench.limiter.restore("sync", bench.limits, notice, Restored(starts=[bench.micros] * 4))
    assert len((await bench.claim(5)).leases) == bench.limits.windows[0].amount - 4


async def test_a_restoration_is_too_late_when_more_was_forgotten_since(timed: TimedRedis) -> None:
    bench = await a_bench(timed)
    await timed.delete("gateway:limiter:sync")
    await bench.claim(1)
    await bench.move(SECOND)
    notice = (await bench.claim(1)).notice
    await timed.flushdb()
    await bench.move(0)
    assert not await bench.limiter.restore("sync", bench.limits, notice, Restored())
    await bench.claim(1)
    assert not await bench.limiter.restore("sync", bench.limits, notice, Restored())


async def test_a_pause_that_was_forgotten_is_restored_for_a_vendor_without_limits(timed: TimedRedis) -> None:
    bench = await a_bench(timed, None)
    await timed.delete("gateway:limiter:sync")
    claim = await bench.claim(1)
    assert claim.leases == []
    assert await bench.limiter.restore("sync", bench.limits, claim.notice, Restored(paused=True))
    held = (await bench.claim(1)).held
    assert held is not None
    assert held.why == "paused"
    await bench.queue.resume_vendor("sync")
    assert len((await bench.claim(1)).leases) == 1


async def test_a_resume_between_the_reading_of_a_pause_and_its_restoration_wins(timed: TimedRedis) -> None:
    bench = await a_bench(timed, None)
    await timed.delete("gateway:limiter:sync")
    notice = (await bench.claim(1)).notice
    await bench.queue.resume_vendor("sync")
    assert not await bench.limiter.restore("sync", bench.limits, notice, Restored(paused=True))


async def test_calls_at_once_are_counted_over_all_claims_and_free_again_when_given_back(timed: TimedRedis) -> None:
    bench = await a_bench(timed, None, concurrency=3)
    claims = [await bench.claim(2), await bench.claim(2), await bench.claim(2)]
    assert [len(claim.leases) for claim in claims] == [2, 1, 0]
    assert claims[2].held is not None
    assert claims[2].held.why == "its limit of 3 calls at once"
    await bench.queue.give_back([Return(claims[0].leases[0])])
    assert len((await bench.claim(2)).leases) == 1


async def test_the_place_of_a_dead_workers_call_is_free_when_its_lease_is_over(timed: TimedRedis) -> None:
    bench = await a_bench(timed, None, concurrency=1)
    await bench.claim(1)
    for _ in range(4):
        await bench.move(20 * SECOND)
        await bench.queue.renew([])
    assert len((await bench.claim(1)).leases) == 1


async def test_a_flush_forgets_no_call_that_is_under_way(timed: TimedRedis) -> None:
    bench = await a_bench(timed, None, concurrency=2)
    (lease,) = (await bench.claim(1)).leases
    await timed.delete("gateway:limiter:sync", "gateway:running:sync")
    await bench.restore(Restored(running=[lease.request_id]))
    assert len((await bench.claim(5)).leases) == 1
    await timed.delete("gateway:running:sync")
    await bench.queue.renew(bench.leases[:1])  # its holder counts it again, too
    assert await timed.zcard("gateway:running:sync") == 1


async def test_the_limits_library_sees_and_takes_the_same_permits(timed: TimedRedis) -> None:
    bench = await a_bench(timed, "10/second")
    limiter, item = VendorReservations(PermitStorage(timed)), parse("10/second")
    await bench.claim(4)
    await bench.move(50_000)
    assert (await limiter.get_window_stats(item, "sync")).remaining == 6
    assert await limiter.test(item, "sync", cost=6)
    assert not await limiter.hit(item, "sync", cost=7)
    assert await limiter.hit(item, "sync", cost=5)
    await bench.move(50_000)
    assert len((await bench.claim(60)).leases) == 1
    assert not await limiter.test(item, "sync")
    await limiter.clear(item, "sync")
    assert (await limiter.get_window_stats(item, "sync")).remaining == 10


async def test_the_limits_library_grants_nothing_while_permits_are_forgotten(timed: TimedRedis) -> None:
    bench = await a_bench(timed, "10/second")
    await timed.delete("gateway:limiter:sync")
    assert not await VendorReservations(PermitStorage(bench.redis)).hit(parse("10/second"), "sync")


def test_a_cost_that_no_window_can_hold_names_the_vendor_and_the_remedy() -> None:
    with pytest.raises(ConfigurationError, match=r"vendor acme: one call costs 6.*5 per 1 second.*lower the cost to 5"):
        CallLimits.of("acme", VendorPolicy(limit="10/minute; 5/second", cost=6))
    with pytest.raises(ConfigurationError, match="vendor acme: limit is not a rate"):
        CallLimits.of("acme", VendorPolicy(limit="often"))
