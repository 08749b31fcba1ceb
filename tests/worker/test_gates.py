"""Gates: a call starts at its time, takes another start when it is late, and not at all when its vendor was shut."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise

import pytest

from domain.errors import NotNow
from domain.infra.background import in_background
from domain.infra.job_store import Change, MongoJobStore
from domain.infra.limiter import Dated, Late, Limiter
from domain.infra.limiter_seeds import LimiterSeeds
from domain.infra.limits import CallLimits
from domain.infra.queue import CLOSED, OPENED, PAUSED, Claim, Lease, Return
from domain.infra.ticks import Tick, moment_of, seconds_since_boot
from domain.jobs import Priority, Status
from domain.ports import Queued
from domain.request_ids import new_request_id
from domain.vendors import Vendor
from tests.stores import LEASE, ScriptedVendor, Stores
from worker.clock import FleetClock
from worker.fleet_limits import FleetLimits
from worker.gates import LATEST_MICROS, LONGEST_WAY_MICROS, Gates, LeaseGate, open_gates
from worker.lane import Lane
from worker.leases import open_leases
from worker.runner import open_runner
from worker.start_room import FEWEST
from worker.verdicts import Again, Verdict

SECOND = 1_000_000


@asynccontextmanager
async def gates_of(stores: Stores, *vendors: Vendor) -> AsyncIterator[Gates]:
    clock, limiter = FleetClock(), Limiter(stores.redis, lease=LEASE)
    table = {vendor.name: vendor for vendor in vendors}
    async with open_gates(limiter, clock, FleetLimits(table, limiter, LimiterSeeds(stores.database), clock)) as gates:
        yield gates


async def claimed(stores: Stores, gates: Gates, how_many: int = 1) -> list[Lease]:
    """Leases of fresh jobs of the vendor `sync`."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    await stores.queue.enqueue([Queued(new_request_id(), "sync", Priority.NORMAL, past) for _ in range(how_many)])
    leases: list[Lease] = []
    while len(leases) < how_many:
        leases += (await claim(stores, gates, how_many - len(leases))).leases
    return leases


async def claim(stores: Stores, gates: Gates, how_many: int) -> Claim:
    found = await stores.queue.claim("sync", how_many, f"t:{new_request_id()}", gates.limits.of("sync"))
    gates.clock.hear(found.tick)
    if found.notice:
        await gates.limits.restore("sync", found.notice)
    return found


async def permits(stores: Stores) -> int:
    return int(await stores.redis.zcard("gateway:grants:sync"))


async def test_a_call_waits_for_its_start_and_never_starts_before_it(stores: Stores) -> None:
    async with gates_of(stores, ScriptedVendor(limit="50/second")) as gates:
        (lease,) = await claimed(stores, gates)
        later = replace(lease, permit=gates.clock.now_micros() + 50_000)
        await gates.of(later).wait()
        seconds, micros = await stores.redis.time()
        assert seconds * SECOND + micros >= later.permit
        permit, arrived_by = gates.drop(later)
        assert permit == later.permit
        assert arrived_by >= permit  # used


async def test_a_call_that_is_late_gives_its_permit_up_and_takes_another(stores: Stores) -> None:
    async with gates_of(stores, ScriptedVendor(limit="50/second")) as gates:
        (lease,) = await claimed(stores, gates)
        gates.clock.hear(clock_ahead(gates.clock, 50_000))
        await gates.of(lease).wait()
        assert await permits(stores) == 1
        assert await stores.redis.zscore("gateway:grants:sync", f"{lease.request_id}:{lease.permit}") is None


class CountedAsks(Limiter):
    asked: list[int]

    async def reserve_again(
        self, vendor: str, limits: CallLimits, late: Sequence[Late]
    ) -> tuple[Tick, list[int | NotNow]]:
        self.asked.append(len(late))
        return await super().reserve_again(vendor, limits, late)


async def passed(gate: LeaseGate) -> None:
    """A machine may be too slow for a start, and for five in a row: then the gate is for another try."""
    while True:
        with suppress(NotNow):
            return await gate.wait()


async def test_calls_that_are_late_together_ask_together_and_are_spread_again(stores: Stores) -> None:
    async with gates_of(stores, ScriptedVendor(limit="50/second")) as gates:
        leases = await claimed(stores, gates, 40)
        await asyncio.sleep(0.05)  # slow: they have to be late
        gates._limiter = limiter = CountedAsks(stores.redis, lease=LEASE)
        limiter.asked = []
        await asyncio.gather(*(passed(gates.of(lease)) for lease in leases))
        assert max(limiter.asked) >= 39  # the first of them may go ahead; who comes late again asks again
        assert await permits(stores) <= 40  # the first ones are given up; fewer where it took longer than the window
        starts = sorted(gates.of(lease).permit for lease in leases)
        assert all(b - a >= 250 for a, b in pairwise(starts))


async def test_a_late_call_whose_window_is_full_is_not_made_now(stores: Stores) -> None:
    async with gates_of(stores, ScriptedVendor(limit="2/minute")) as gates:
        lease, _ = await claimed(stores, gates, 2)
        late = replace(lease, permit=lease.permit - 20_000, request_id="another")
        with pytest.raises(NotNow, match="its limit of 2 per 1 minute") as held:
            await gates.of(late).wait()
        assert held.value.until - gates.clock.now() > timedelta(seconds=59)
        assert gates.drop(late) == (0, 0)  # given up


@pytest.mark.parametrize("limit", [None, "50/second"])
@pytest.mark.parametrize("heard", [True, False])
async def test_a_vendor_that_was_closed_since_the_claim_is_not_called(
    stores: Stores, limit: str | None, heard: bool
) -> None:
    async with gates_of(stores, ScriptedVendor(limit=limit)) as gates:
        (lease,) = await claimed(stores, gates)
        await stores.queue.close_vendor("sync", timedelta(seconds=30))
        if heard:
            gates.closings.hear(f"{CLOSED}sync:{gates.clock.now_micros() // 1000 + 30_000}")
        else:  # the subscription was lost: after a while the gate asks by itself
            lease = replace(lease, claimed_at=lease.claimed_at - 0.25, permit=lease.permit and lease.permit - 20_000)
        with pytest.raises(NotNow, match="closed") as held:
            await gates.of(lease).wait()
        assert timedelta(seconds=29) < held.value.until - gates.clock.now() < timedelta(seconds=31)


async def test_a_vendor_whose_breaker_opened_since_the_claim_is_not_called(stores: Stores) -> None:
    async with gates_of(stores, ScriptedVendor()) as gates:
        (lease,) = await claimed(stores, gates)
        until_ms = gates.clock.now_micros() // 1000 + 30_000
        gates.closings.hear(f"{OPENED}service:sync:{until_ms}")
        await gates.of(lease).wait()
        gates.closings.hear(f"{OPENED}vendor:sync:{until_ms}")
        with pytest.raises(NotNow, match="its circuit breaker is open") as held:
            await gates.of(lease).wait()
        assert held.value.until == moment_of(until_ms * 1000)


async def test_what_was_claimed_after_a_pause_had_ended_is_called(stores: Stores) -> None:
    async with gates_of(stores, ScriptedVendor()) as gates:
        (early,) = await claimed(stores, gates)
        gates.closings.hear(f"{PAUSED}sync")
        (later,) = await claimed(stores, gates)
        await gates.of(later).wait()
        with pytest.raises(NotNow, match="paused"):
            await gates.of(early).wait()


async def test_a_flush_before_a_late_call_holds_it_back_for_a_moment(stores: Stores) -> None:
    async with gates_of(stores, ScriptedVendor(limit="50/second")) as gates:
        (lease,) = await claimed(stores, gates)
        await stores.redis.flushdb()
        with pytest.raises(NotNow, match="restored") as held:
            await gates.of(replace(lease, permit=lease.permit - 20_000)).wait()
        assert timedelta(seconds=0.2) < held.value.until - gates.clock.now() <= timedelta(seconds=0.26)


async def test_a_gate_that_was_never_reached_leaves_its_permit_unused(stores: Stores) -> None:
    async with gates_of(stores, ScriptedVendor(limit="50/second")) as gates:
        (lease,) = await claimed(stores, gates)
        await stores.queue.give_back([Return(lease, permit=gates.drop(lease)[0])])
        assert await permits(stores) == 0


async def test_a_call_is_taken_to_have_arrived_when_it_was_answered_or_soon_after_its_start(stores: Stores) -> None:
    async with gates_of(stores, ScriptedVendor(limit="50/second")) as gates:
        (quick, slow) = await claimed(stores, gates, 2)
        for lease in (quick, slow):
            await gates.of(lease).wait()
        gates.of(quick).note_answer()
        answered = gates.clock.now_micros()
        await asyncio.sleep(0.1)  # slow on purpose: an answer that says nothing of the way
        gates.of(slow).note_answer()
        assert quick.permit <= gates.drop(quick)[1] <= answered
        assert gates.drop(slow) == (slow.permit, slow.permit + LONGEST_WAY_MICROS)


async def test_a_call_whose_first_byte_left_late_is_dated_from_there(stores: Stores) -> None:
    async with gates_of(stores, ScriptedVendor(limit="50/second")) as gates:
        (lease,) = await claimed(stores, gates)
        gate = gates.of(lease)
        await gate.wait()
        await asyncio.sleep(0.1)  # slow on purpose: a loop that has much else to do
        gate.note_sent()
        left = gates.clock.now_micros()
        await asyncio.sleep(0.1)
        gate.note_answer()
        arrived_by = gates.drop(lease)[1]
        assert lease.permit + 100_000 <= arrived_by <= left + LONGEST_WAY_MICROS


async def counted_from(stores: Stores, lease: Lease) -> int:
    score = await stores.redis.zscore("gateway:grants:sync", f"{lease.request_id}:{lease.permit}")
    return int(score or 0)


async def test_the_next_ones_wait_for_a_call_that_left_late_long_before_it_ends(stores: Stores) -> None:
    async with gates_of(stores, ScriptedVendor(limit="1/minute")) as gates:
        (lease,) = await claimed(stores, gates)
        gate = gates.of(lease)
        await gate.wait()
        permit = gate.permit
        gates.clock.hear(clock_ahead(gates.clock, 50_000))
        gate.note_sent()
        while (known := await counted_from(stores, replace(lease, permit=permit))) == permit:
            await asyncio.sleep(0.001)
        assert permit + 50_000 <= known <= gates.clock.now_micros()
        assert gate.permit == permit  # its name in Redis stays


async def test_a_call_that_was_in_time_is_nothing_to_tell_of(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    async with gates_of(stores, ScriptedVendor(limit="1/minute")) as gates:
        (lease,) = await claimed(stores, gates)
        told: list[int] = []
        monkeypatch.setattr(gates, "date", lambda call: told.append(call.by - call.permit))
        gate = gates.of(lease)
        await gate.wait()
        for late in (1, LATEST_MICROS, LATEST_MICROS + 1, LATEST_MICROS + 2, 2 * LATEST_MICROS + 2):
            monkeypatch.setattr(gates.clock, "now_micros", partial(int, gate.permit + late))
            gate.note_sent()
        assert told == [LATEST_MICROS + 1, 2 * LATEST_MICROS + 2]  # what Redis knows is wrong by 10 ms at most


async def test_what_cannot_be_told_is_left_to_the_leases_return_and_the_next_one_is_told(stores: Stores) -> None:
    async with gates_of(stores, ScriptedVendor(limit="1/minute")) as gates:
        (lease,) = await claimed(stores, gates)
        working, told = gates._limiter, asyncio.Event()

        class Away(Limiter):
            async def date(self, calls: Sequence[Dated]) -> None:
                gates._limiter = working
                told.set()
                raise ConnectionError

        gates._limiter = Away(stores.redis, lease=LEASE)
        late = Dated("sync", lease.request_id, lease.permit, lease.permit + SECOND)
        gates.date(late)
        await told.wait()
        assert await counted_from(stores, lease) == lease.permit
        gates.date(late)
        while await counted_from(stores, lease) != late.by:
            await asyncio.sleep(0.001)


async def test_a_second_request_of_one_call_takes_a_permit_of_its_own(stores: Stores) -> None:
    async with gates_of(stores, ScriptedVendor(limit="50/second")) as gates:
        (lease,) = await claimed(stores, gates)
        gate = gates.of(lease)
        await gate.wait()
        await gate()
        assert await permits(stores) == 1
        await gate()
        assert await permits(stores) == 2


class SlowStarts(MongoJobStore):
    """Puts starts on record only when the test lets it."""

    begun: asyncio.Event

    async def compare_and_set(self, changes: Sequence[Change]) -> list[bool]:
        if any(after.status is Status.PROCESSING for _, after in changes):
            await self.begun.wait()
        return await super().compare_and_set(changes)


async def test_a_start_that_a_slow_mongodb_delayed_meets_the_closing_that_came_meanwhile(stores: Stores) -> None:
    vendor, store = ScriptedVendor(repeatable=False), SlowStarts(stores.database)
    store.begun = asyncio.Event()
    job = await stores.submit()
    async with gates_of(stores, vendor) as gates:
        leases: list[Lease] = []
        while not leases:
            leases = (await claim(stores, gates, 1)).leases
        station = stores.station(vendor, store=store, clock=gates.clock, limits=gates.limits, gates=gates)
        async with open_runner(station) as runner:
            run = asyncio.create_task(runner.run(leases[0]))
            await stores.queue.close_vendor("sync", timedelta(seconds=30))
            await asyncio.sleep(0.25)  # slow: what Redis said at the claim must have gone stale
            store.begun.set()
            verdict = await run
    assert isinstance(verdict, Again)
    held = await stores.look(job)
    assert (vendor.calls, held.status, held.tries, held.attempts[0].outcome) == ([], Status.PENDING, 0, "released")
    assert held.waiting_until is not None
    assert held.waiting_until - datetime.now(UTC) > timedelta(seconds=28)


async def test_a_job_that_waits_for_its_start_when_its_worker_stops_was_never_sent(stores: Stores) -> None:
    vendor = ScriptedVendor(limit="50/second", repeatable=False)
    job = await stores.submit()
    async with gates_of(stores, vendor) as gates:
        leases: list[Lease] = []
        while not leases:
            leases = (await claim(stores, gates, 1)).leases
        lease = replace(leases[0], permit=leases[0].permit + 150_000)
        station = stores.station(vendor, clock=gates.clock, limits=gates.limits, gates=gates)
        async with open_runner(station) as runner:
            run = asyncio.create_task(runner.run(lease))
            while (await stores.look(job)).status is Status.PENDING:
                await asyncio.sleep(0)
            runner.cut_calls("sync")
            assert isinstance(await run, Again)
        assert gates.drop(lease) == (lease.permit, 0)
    held = await stores.look(job)
    assert (vendor.calls, held.status, held.attempts[0].outcome) == ([], Status.PENDING, "released")


def clock_ahead(clock: FleetClock, micros: int) -> Tick:
    now = seconds_since_boot()
    return Tick(clock.now_micros() + micros, now, now)


def test_the_clock_is_never_ahead_of_redis_and_follows_its_steps() -> None:
    clock, now = FleetClock(), seconds_since_boot()
    redis_ahead = 5_000_000_000.0

    def tick(at: float, there: float, back: float, step: float = 0.0) -> Tick:
        return Tick(round((at + there + step) * 1e6 + redis_ahead), at, at + there + back)

    def error(step: float = 0.0) -> float:
        return clock.now_micros() - (seconds_since_boot() + step) * 1e6 - redis_ahead

    clock.hear(tick(now, 0.001, 0.200))
    assert -202_000 < error() <= -199_000
    clock.hear(tick(now + 1, 0.050, 0.001))
    assert -2_000 < error() <= 0
    clock.hear(tick(now + 2, 0.001, 0.300))  # a slow answer says less than the one before
    assert -2_000 < error() <= 0
    clock.hear(tick(now + 3, 0.001, 0.001, step=60))
    assert -3_000 < error(60) <= 0
    clock.hear(tick(now + 4, 0.001, 0.001, step=-60))
    assert -3_000 < error(-60) <= 0


async def test_a_place_is_free_again_once_its_call_has_its_start_or_never_gets_one(stores: Stores) -> None:
    async with gates_of(stores, ScriptedVendor(limit="50/second")) as gates:
        started, dropped = leases = await claimed(stores, gates, 2)
        free = gates.room.free
        gates.room.fill(gates.room.reserve(2, lambda: None), leases)
        assert gates.room.free == free - 2
        await passed(gates.of(started))
        assert gates.room.free == free - 1
        for lease in (started, dropped):
            gates.drop(lease)
        assert gates.room.free == free


class Held:
    """A `LeaseRunner` whose calls are for ever on their way to their start."""

    def __init__(self) -> None:
        self.leases: list[Lease] = []

    async def run(self, lease: Lease) -> Verdict:
        self.leases.append(lease)
        await asyncio.Event().wait()
        raise AssertionError

    def cut_calls(self, vendor: str) -> None:
        """None was made."""


@pytest.mark.parametrize(("limit", "most"), [("1000/second", FEWEST), (None, 20)])
async def test_a_lane_claims_no_more_of_a_limited_vendor_than_there_is_room_for(
    stores: Stores, limit: str | None, most: int
) -> None:
    vendor, runner = ScriptedVendor(limit=limit), Held()
    async with gates_of(stores, vendor) as gates, open_leases(stores.queue, lease=LEASE) as leases:
        for _ in range(9):
            gates.room.note(1.0)  # the loop was late: there are no more places than the fewest
        past = datetime.now(UTC) - timedelta(seconds=1)
        await stores.queue.enqueue([Queued(new_request_id(), "sync", Priority.NORMAL, past) for _ in range(30)])
        lane = Lane("sync", 20, stores.station(vendor, limits=gates.limits, gates=gates), runner, leases)
        async with in_background(lane.run()):
            while len(runner.leases) < most or (limit and len(runner.leases) == most and not gates.room.line):
                await asyncio.sleep(0.01)
    assert len(runner.leases) == most
