"""What an operator says of a vendor, and two workers that hear of it while they run, as the vendor sees it."""

import asyncio
import time
from typing import Any

from domain.infra.background import in_background
from domain.infra.limiter import Limiter
from domain.infra.limiter_seeds import LimiterSeeds
from domain.infra.queue import Lease
from domain.infra.vendor_controls import HeardControls, StoredControls
from domain.jobs import Status
from domain.outcomes import Outcome, Retry
from domain.vendor_control import UNTOUCHED, Control, Overrides
from domain.vendors import Call
from tests.stores import LEASE, ScriptedVendor, Stores
from tests.worker.test_limits import TimedVendor, ended, submitted
from worker.clock import FleetClock
from worker.fleet_limits import FleetLimits
from worker.lane import Lane
from worker.leases import open_leases
from worker.verdicts import Ended


async def say(stores: Stores, **values: Any) -> None:
    """As `PATCH /vendors/sync` does; the fleet goes by it from here on."""
    controls = StoredControls(stores.database, stores.redis, {}, HeardControls(stores.database))
    before = await controls.find("sync")
    assert await controls.change("sync", before, Control(before.version + 1, Overrides(**values)))


async def test_a_limit_that_is_set_holds_for_the_next_call_of_every_worker(stores: Stores) -> None:
    vendor = TimedVendor()
    async with stores.worker(vendor), stores.worker(vendor):
        await ended(stores, [await stores.submit()])
        await say(stores, limit="5/second")
        await ended(stores, await asyncio.gather(*(stores.submit() for _ in range(11))))
    assert vendor.worst(1.0) <= 5


async def test_in_the_moment_of_a_change_no_window_holds_more_than_the_larger_limit(stores: Stores) -> None:
    """Slow: a few sliding seconds have to pass."""
    vendor = TimedVendor(limit="40/second")
    jobs = await submitted(stores, 60)
    async with stores.worker(vendor), stores.worker(vendor):
        while len(vendor.times) < 10:
            await asyncio.sleep(0.005)
        await say(stores, limit="8/second")
        lowered_at, granted_before = time.monotonic(), len(vendor.times)
        while len(vendor.times) < granted_before + 10:
            await asyncio.sleep(0.005)
        await say(stores, limit="30/second")
        raised_at = time.monotonic()
        await ended(stores, jobs)
    assert len(vendor.times) == 60
    assert vendor.worst(1.0) <= 40
    # What was granted before may have started 0.15 s later, and no later.
    slow = [at for at in vendor.times if lowered_at + 0.3 < at < raised_at]
    assert all(sum(end - 1.0 < at <= end for at in vendor.times) <= 8 for end in slow)
    assert max(sum(first <= at < first + 1.0 for at in vendor.times if at > raised_at) for first in vendor.times) <= 30


async def test_a_bound_on_calls_at_once_holds_at_once_and_goes_again(stores: Stores) -> None:
    vendor = TimedVendor(0.05)
    async with stores.worker(vendor), stores.worker(vendor):
        await say(stores, concurrency=2)
        await ended(stores, await asyncio.gather(*(stores.submit() for _ in range(8))))
        assert vendor.most <= 2
        await say(stores)
        await ended(stores, await asyncio.gather(*(stores.submit() for _ in range(8))))


async def test_attempts_and_timeout_are_those_that_were_said(stores: Stores) -> None:
    timeouts = []

    async def refuse(call: Call) -> Outcome:
        timeouts.append(call.timeout.total_seconds())
        return Retry("no", "not yet")

    vendor = ScriptedVendor(refuse, attempts=1)
    async with stores.worker(vendor):
        await say(stores, attempts=2, timeout_seconds=1.5)
        job = await stores.ended(await stores.submit())
    assert (job.status, job.tries, timeouts) == (Status.FAILED, 2, [1.5, 1.5])


class Deaf:
    """`KnownControls` that are told nothing: they know when they look."""

    def __init__(self) -> None:
        self.known = UNTOUCHED

    def of(self, vendor: str) -> Control:
        return self.known

    async def look(self) -> None:
        self.known = Control(1, Overrides(attempts=2))


class NoteRuns:
    """A `LeaseRunner` that does nothing."""

    def __init__(self) -> None:
        self.ran = asyncio.Event()

    async def run(self, lease: Lease) -> Ended:
        self.ran.set()
        return Ended(tell=False)

    def cut_calls(self, vendor: str) -> None:
        """Nothing is called."""


async def test_a_worker_that_nobody_tells_hears_of_a_change_when_it_claims(stores: Stores) -> None:
    vendor, clock, runner = ScriptedVendor(), FleetClock(), NoteRuns()
    limiter, seeds = Limiter(stores.redis, lease=LEASE), LimiterSeeds(stores.database)
    limits = FleetLimits({"sync": vendor}, limiter, seeds, clock, Deaf())
    await submitted(stores, 1)
    await stores.redis.set("gateway:control:sync", 1)  # as the claim of one that has heard does
    async with open_leases(stores.queue, lease=LEASE) as leases:
        lane = Lane("sync", 1, stores.station(vendor, clock=clock, limits=limits), runner, leases)
        async with in_background(lane.run()):
            await runner.ran.wait()


async def test_what_was_said_wins_over_a_table_that_changes_until_it_is_taken_back(stores: Stores) -> None:
    table, controls = {"sync": ScriptedVendor(limit="50/second")}, Deaf()
    limiter, seeds = Limiter(stores.redis, lease=LEASE), LimiterSeeds(stores.database)
    limits, seen = FleetLimits(table, limiter, seeds, FleetClock(), controls), []
    controls.known = Control(1, Overrides(limit="5/second"))
    for limit in ("50/second", "70/second"):
        table["sync"] = ScriptedVendor(limit=limit)
        seen.append(limits.of("sync"))
    controls.known = Control(2)
    seen.append(limits.of("sync"))
    assert [(it.windows[0].amount, it.version) for it in seen if it is not None] == [(5, 1), (5, 1), (70, 2)]
    del table["sync"]
    assert limits.of("sync") is None


async def test_a_worker_that_starts_later_goes_by_what_was_said(stores: Stores) -> None:
    vendor = TimedVendor(limit="100/second")
    await say(stores, limit="4/second")
    jobs = await submitted(stores, 9)
    async with stores.worker(vendor):
        await ended(stores, jobs)
    assert vendor.worst(1.0) <= 4
