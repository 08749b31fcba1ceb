"""
Limits that are changed while calls are granted, on a real Redis whose clock the test moves.

The law: a call is granted only where, with all before it, the limit of its own version holds; and after a version was
gone by, nothing is granted by an older one.
"""

from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import NotNow
from domain.infra.limiter import Late, Restored
from domain.infra.limits import CallLimits
from domain.infra.queue import Claim, Return
from domain.vendors import VendorPolicy
from tests.contracts.test_limits import SECOND, Bench, TimedRedis, a_bench


@pytest.fixture
async def timed(redis_database_url: str) -> AsyncIterator[TimedRedis]:
    async with TimedRedis.from_url(redis_database_url) as redis:
        yield redis


def at(limit: str | None, version: int, *, concurrency: int | None = None) -> CallLimits:
    return CallLimits.of("sync", VendorPolicy(limit=limit, concurrency=concurrency), version)


class Changing:
    """A vendor whose limit changes, and those who have not heard yet; it remembers who granted what."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.granted: list[tuple[int, int, str]] = []  # when each call starts, by which version, its id

    async def claim(self, how_many: int, limits: CallLimits) -> Claim:
        self.bench.limits = limits
        claim = await self.bench.claim(how_many)
        now = self.bench.micros
        self.granted += [(lease.permit or now, limits.version, lease.request_id) for lease in claim.leases]
        return claim

    async def settle(self, limits: CallLimits) -> None:
        """Restore what a new limit needs, every call so far being on record as it was granted."""
        claim = await self.claim(0, limits)
        if claim.held is not None and claim.held.why.startswith("its permits"):
            await self.bench.move(SECOND // 4)
            notice = (await self.claim(0, limits)).notice
            starts = [start for start, *_ in self.granted]
            await self.bench.limiter.restore("sync", limits, notice, Restored(starts=starts))


async def test_a_lowered_limit_counts_the_calls_of_the_last_window(timed: TimedRedis) -> None:
    fleet = Changing(await a_bench(timed, "100/second"))
    assert len((await fleet.claim(40, at("100/second", 0))).leases) == 40
    lower = at("10/second", 1)
    assert (await fleet.claim(40, lower)).leases == []
    tenth_last = sorted(start for start, *_ in fleet.granted)[-10]
    await fleet.bench.move(tenth_last + SECOND + 25_000 - fleet.bench.micros)
    assert (await fleet.claim(40, lower)).leases[0].permit >= tenth_last + SECOND + 25_000


async def test_a_raised_limit_grants_the_rest_of_it_in_the_same_second(timed: TimedRedis) -> None:
    fleet = Changing(await a_bench(timed, "10/second"))
    assert len((await fleet.claim(40, at("10/second", 0))).leases) == 10
    higher = at("30/second", 1)
    await fleet.settle(higher)
    assert len((await fleet.claim(40, higher)).leases) == 20


async def test_who_has_not_heard_is_granted_nothing_and_told_to_listen(timed: TimedRedis) -> None:
    fleet = Changing(await a_bench(timed, "100/second"))
    old, new = at("100/second", 0), at("50/second", 1)
    (lease,) = (await fleet.claim(1, old)).leases
    await fleet.claim(1, new)
    behind = await fleet.claim(5, old)
    assert (behind.leases, behind.behind) == ([], True)
    assert behind.ask_again_at is not None
    assert behind.held is not None
    assert "about to hear" in behind.held.why
    _, (again,) = await fleet.bench.limiter.reserve_again("sync", old, [Late(lease.request_id, lease.permit)])
    assert isinstance(again, NotNow)
    assert len((await fleet.claim(5, new)).leases) == 5


async def test_what_redis_has_seen_is_forgotten_in_time_so_that_a_restored_backup_holds(timed: TimedRedis) -> None:
    fleet = Changing(await a_bench(timed))
    await fleet.claim(1, at("50/second", 7))
    assert 0 < await timed.pttl("gateway:control:sync") <= 60_000


async def test_a_bound_on_calls_at_once_counts_those_that_were_begun_without_one(timed: TimedRedis) -> None:
    fleet = Changing(await a_bench(timed, None))
    running = (await fleet.claim(4, at(None, 0))).leases
    bounded = at(None, 1, concurrency=3)
    await fleet.claim(1, bounded)
    await fleet.bench.move(SECOND // 4)
    notice = (await fleet.claim(1, bounded)).notice
    known = Restored(running=[lease.request_id for lease in running])
    await fleet.bench.limiter.restore("sync", bounded, notice, known)
    for _ in range(4):  # four times most of a lease: they are renewed, and count as long as they run
        await fleet.bench.move(40 * SECOND)
        await fleet.bench.queue.renew(running)
        assert (await fleet.claim(1, bounded)).leases == []
    await fleet.bench.queue.give_back([Return(lease) for lease in running[:2]])
    assert len((await fleet.claim(5, bounded)).leases) == 1


async def test_a_lowered_bound_on_calls_at_once_waits_until_enough_have_ended(timed: TimedRedis) -> None:
    fleet = Changing(await a_bench(timed, None, concurrency=5))
    running = (await fleet.claim(5, at(None, 0, concurrency=5))).leases
    lower = at(None, 1, concurrency=2)
    await fleet.bench.queue.give_back([Return(lease) for lease in running[:3]])
    assert (await fleet.claim(5, lower)).leases == []
    await fleet.bench.queue.give_back([Return(running[3])])
    assert len((await fleet.claim(5, lower)).leases) == 1


LIMITS = ("5/second", "20/second", "3/second; 7/2 second", "40/2 second", None)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("claim"), st.integers(1, 30)),
        st.tuples(st.just("claim unheard"), st.integers(1, 30)),
        st.tuples(st.just("move"), st.one_of(st.integers(0, 500_000), st.integers(925_000, 1_030_000))),
        st.tuples(st.just("change"), st.integers(0, len(LIMITS) - 1)),
    ),
    min_size=4,
    max_size=25,
)


@given(first=st.integers(0, len(LIMITS) - 2), steps=steps)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
async def test_whatever_changes_no_window_that_ends_with_a_call_holds_more_than_its_own_limit(
    timed: TimedRedis, first: int, steps: list[tuple[str, int]]
) -> None:
    """Slow: some thousand scripts."""
    bench = await a_bench(timed, LIMITS[first])
    fleet, limits = Changing(bench), [at(LIMITS[first], 0)]
    for what, number in steps:
        if what == "move":
            await bench.move(number)
        elif what == "change":
            limits.append(at(LIMITS[number], len(limits)))
            await fleet.settle(limits[-1])
        elif what == "claim":
            await fleet.claim(number, limits[-1])
        elif len(limits) > 1:
            assert (await fleet.claim(number, limits[-2])).leases == []
    for end, version, request_id in fleet.granted:
        for window in limits[version].windows:
            within = [start for start, *_ in fleet.granted if end - window.micros <= start <= end]
            assert len(within) <= window.amount, (request_id, version)
