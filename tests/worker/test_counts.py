"""What a worker counts while it works: waits for limits, claims that were held, leases lost, finds of the sweep."""

import asyncio
from collections import Counter

from structlog.testing import capture_logs

from domain.breakers import BreakerRules, CallOutcome
from domain.infra.breakers import open_breakers
from domain.infra.queue import Lease
from domain.metrics import ATTEMPTS, BREAKER_CALLS, CLAIMS_HELD, LEASES_LOST, LIMITER_WAIT_SECONDS, SWEEP_FINDS
from domain.outcomes import Done, Outcome
from domain.tallies import Tallies
from domain.vendors import Call
from tests.stores import LANE, LEASE, ScriptedVendor, Stores
from worker.lane import Lane
from worker.leases import open_leases
from worker.sweep import Sweep
from worker.verdicts import Verdict


async def test_calls_of_a_limited_vendor_count_their_wait_once_each(stores: Stores) -> None:
    counts = Tallies()

    async def through_the_gate(call: Call) -> Outcome:
        assert call.gate is not None
        await call.gate()  # once more, as when the connection is there
        return Done("1")

    jobs = [await stores.submit() for _ in range(3)]
    async with stores.worker(ScriptedVendor(through_the_gate, limit="1000/second"), counts=counts):
        for job in jobs:
            await stores.ended(job)
    assert counts.of(LIMITER_WAIT_SECONDS, "sync") == 3
    assert counts.of(ATTEMPTS, "sync", "call", "done") == 3


async def test_claims_that_find_due_jobs_held_are_counted_by_why(stores: Stores) -> None:
    counts, going = Tallies(), asyncio.Event()

    async def wait(call: Call) -> Outcome:
        await going.wait()
        return Done("1")

    jobs = [await stores.submit() for _ in range(3)]
    while await stores.redis.zcard(LANE) < 3:
        await asyncio.sleep(0.01)
    async with stores.worker(ScriptedVendor(wait, concurrency=1), counts=counts):
        while not counts.of(CLAIMS_HELD, "sync", "concurrency"):
            await asyncio.sleep(0.01)
        going.set()
        for job in jobs:
            await stores.ended(job)


async def test_a_job_that_another_has_by_now_is_a_lease_lost(stores: Stores) -> None:
    counts, called = Tallies(), asyncio.Event()

    async def hang(call: Call) -> Outcome:
        called.set()
        await asyncio.Event().wait()
        return Done("1")

    await stores.submit()
    async with stores.worker(ScriptedVendor(hang), counts=counts):
        await called.wait()
        (key,) = [key async for key in stores.redis.scan_iter("arq:in-progress:*")]
        await stores.redis.set(key, "another", keepttl=True)
        while not counts.of(LEASES_LOST, "sync"):
            await asyncio.sleep(0.01)


async def test_a_bug_in_the_midst_of_a_job_is_told_with_the_job(stores: Stores) -> None:
    class Broken:
        """A `LeaseRunner`."""

        async def run(self, lease: Lease) -> Verdict:
            raise ZeroDivisionError

        def cut_calls(self, vendor: str) -> None:
            pass

    job = await stores.submit()
    with capture_logs() as lines:
        async with open_leases(stores.queue, lease=LEASE) as leases:
            lane = Lane("sync", 1, stores.station(ScriptedVendor()), Broken(), leases)
            running = asyncio.create_task(lane.run())
            while not any("broke" in line["event"] for line in lines):
                await asyncio.sleep(0.01)
            lane.retire()
            await running
    (told,) = [line for line in lines if "broke" in line["event"]]
    assert (told["request_id"], told["vendor"], told["exc_info"]) == (str(job.id), "sync", True)


async def test_what_a_vendors_breaker_is_told_is_counted_and_that_a_call_was_its_probe(stores: Stores) -> None:
    counts = Tallies()
    async with open_breakers(stores.redis, BreakerRules(first_ms=1)) as breakers:
        for _ in range(5):
            await breakers.tell("vendor:sync", CallOutcome.FAILED)
    async with stores.worker(ScriptedVendor(), counts=counts):
        for _ in range(2):
            await stores.ended(await stores.submit())
    told = {single.labels: single.value for single in counts.snapshot().singles if single.name == BREAKER_CALLS.name}
    assert told == {("vendor", "sync", "probe"): 1, ("vendor", "sync", "ok"): 2}


async def test_what_the_sweep_mended_is_counted_and_what_was_in_order_is_not(stores: Stores) -> None:
    counts = Tallies()
    sweep = Sweep(stores.station(ScriptedVendor(), counts=counts))
    for _ in range(2):
        sweep._report(Counter({"queued_again": 2, "in_order": 5, "orphaned": 0}))
    assert {single.labels: single.value for single in counts.snapshot().singles} == {("queued_again",): 4}
    assert counts.of(SWEEP_FINDS, "queued_again") == 4
