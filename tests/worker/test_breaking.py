"""A vendor in trouble: its queue is held, one call tries whether it is well again, and no job fails for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from domain.backoff import Backoff
from domain.breakers import BreakerRules, BreakerState, CallOutcome
from domain.errors import OutcomeUnknown
from domain.infra.breakers import open_breakers
from domain.infra.queue import WAKE_CHANNEL
from domain.infra.vendor_states import open_vendor_states
from domain.jobs import Job, Status
from domain.metrics import BREAKER_CALLS
from domain.outcomes import Done, Failed, Outcome, Retry
from domain.tallies import Tallies
from domain.vendors import Call, VendorPolicy
from tests.stores import ScriptedVendor, Stores
from tests.vendors.scripted import listening, say, stay_silent
from vendors.http import VendorHttp
from vendors.table.adapter import TableVendor
from vendors.table.settings import VendorTable

SOON = Backoff(0.001, 0.001)
QUICK = BreakerRules(first_ms=100)  # of `sync`, ±20 %
QUICKLY = {"base_seconds": 0.001, "cap_seconds": 0.001}
LONG = BreakerRules(first_ms=3_600_000, longest_ms=3_600_000)
BREAKER = "gateway:breaker:vendor:sync"
SECOND = timedelta(seconds=1)

Mood = Callable[[Call], Awaitable[Outcome]]


async def well(call: Call) -> Outcome:
    return Done("1", 200)


async def fails(call: Call) -> Outcome:
    return Retry("vendor_unavailable", "it said 500", vendor_status=500)


async def dead(call: Call) -> Outcome:
    return Retry("vendor_unreachable", "no connection")


async def hangs(call: Call) -> Outcome:
    raise OutcomeUnknown("no answer in time")


async def lies(call: Call) -> Outcome:
    return Failed("reply_not_json", "it says JSON and is none", 200)


class MoodyVendor(ScriptedVendor):
    """Treats each call as its mood is just then."""

    def __init__(self, mood: Mood, **policy: object) -> None:
        super().__init__(self._act, **{"backoff": SOON, **policy})
        self.mood = mood

    async def _act(self, call: Call) -> Outcome:
        return await self.mood(call)


@asynccontextmanager
async def openings(stores: Stores) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """Waits for so many more openings of the vendor's breaker."""
    async with stores.redis.pubsub(ignore_subscribe_messages=True) as subscription:
        await subscription.subscribe(WAKE_CHANNEL)

        async def wait(many: int) -> None:
            while many:
                message = await subscription.get_message(timeout=5)
                many -= message is not None and message["data"].startswith(b"opened:vendor:sync:")

        yield wait


async def submitted(stores: Stores, how_many: int) -> list[Job]:
    return [await stores.submit() for _ in range(how_many)]


async def ended(stores: Stores, jobs: list[Job]) -> list[Job]:
    return list(await asyncio.gather(*(stores.ended(job) for job in jobs)))


async def open_breaker(stores: Stores, rules: BreakerRules) -> None:
    async with open_breakers(stores.redis, rules) as breakers:
        for _ in range(5):
            await breakers.tell("vendor:sync", CallOutcome.FAILED)


async def is_open(stores: Stores) -> bool:
    return (await stores.queue.looks.vendor("sync", VendorPolicy())).breaker.state is not BreakerState.CLOSED


@pytest.mark.parametrize("trouble", [fails, dead, hangs])
async def test_a_vendor_in_trouble_is_left_alone_but_for_a_probe_and_no_job_fails(
    stores: Stores, trouble: Mood
) -> None:
    vendor = MoodyVendor(trouble, concurrency=1, attempts=2)
    jobs = await submitted(stores, 12)
    async with (
        openings(stores) as opened,
        stores.worker(vendor, breaker_rules=QUICK),
        stores.worker(vendor, breaker_rules=QUICK),
    ):
        await opened(3)
        vendor.mood = well
        done = await ended(stores, jobs)
    assert [job.status for job in done] == [Status.COMPLETE] * 12
    assert len(vendor.calls) == 5 + 2 + 12  # what opened it, the probes of two openings, and what went well
    assert sum(job.tries for job in done) == 5 + 12  # a probe that failed is no try
    assert not await is_open(stores)


async def test_a_lying_vendor_is_left_alone_too_and_what_it_lied_about_has_failed(stores: Stores) -> None:
    vendor = MoodyVendor(lies, concurrency=1)
    jobs = await submitted(stores, 9)
    async with openings(stores) as opened, stores.worker(vendor, breaker_rules=QUICK):
        await opened(1)
        vendor.mood = well
        done = await ended(stores, jobs)
    assert [job.status for job in done].count(Status.FAILED) == 5
    assert len(vendor.calls) == 9


async def test_while_it_is_open_nothing_is_claimed_and_no_job_is_touched(stores: Stores) -> None:
    await open_breaker(stores, LONG)
    vendor = MoodyVendor(well)
    async with stores.worker(vendor, breaker_rules=LONG):
        jobs = await submitted(stores, 3)
        while (await stores.queue.looks.vendor("sync", vendor.policy)).due["normal"] < 3:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)  # slow: that nothing happens has to be seen
    assert vendor.calls == []
    assert [(await stores.look(job)).epoch for job in jobs] == [job.epoch for job in jobs]


async def test_a_probe_of_a_job_with_one_try_may_fail_as_often_as_it_takes(stores: Stores) -> None:
    await open_breaker(stores, BreakerRules(first_ms=1))
    vendor = MoodyVendor(fails, attempts=1)
    async with openings(stores) as opened, stores.worker(vendor, breaker_rules=BreakerRules(first_ms=20)):
        job = await stores.submit()
        await opened(3)
        vendor.mood = well
        done = await stores.ended(job)
    assert (done.status, done.tries) == (Status.COMPLETE, 1)
    assert [attempt.counted for attempt in done.attempts] == [False] * (len(done.attempts) - 1) + [True]
    assert {attempt.outcome for attempt in done.attempts[:-1]} == {"retry"}


async def test_a_vendor_that_is_not_repeatable_is_not_asked_twice_though_it_was_the_probe(stores: Stores) -> None:
    await open_breaker(stores, BreakerRules(first_ms=1))
    vendor = MoodyVendor(hangs, repeatable=False)
    async with openings(stores) as opened, stores.worker(vendor, breaker_rules=LONG):
        probe = await stores.ended(await stores.submit())
        await opened(1)
        other = await stores.submit()
        await asyncio.sleep(0.1)  # slow: that nothing happens has to be seen
    assert probe.error is not None
    assert (probe.error.code, len(vendor.calls)) == ("outcome_unknown", 1)
    assert (await stores.look(other)).status is Status.PENDING


async def throttles(call: Call) -> Outcome:
    if call.payload == "null":
        return Retry("vendor_throttled", "429", timedelta(milliseconds=1), closes_vendor=True, vendor_status=429)
    return Done("1", 200)


async def declines(call: Call) -> Outcome:
    return Failed("card_declined", "no", 402)


async def breaks(call: Call) -> Outcome:
    raise ZeroDivisionError


async def answers_busy(call: Call) -> Outcome:
    return Retry("store_away", "our own MongoDB")


@pytest.mark.parametrize("mood", [declines, breaks, answers_busy])
async def test_a_no_and_what_is_our_own_fault_never_open_it(stores: Stores, mood: Mood) -> None:
    vendor = MoodyVendor(mood, attempts=1, repeatable=False)
    jobs = await submitted(stores, 25)
    async with stores.worker(vendor, breaker_rules=LONG):
        await ended(stores, jobs)
    assert len(vendor.calls) == 25
    assert not await is_open(stores)


async def test_a_vendor_that_says_not_now_closes_its_limit_and_never_opens_it(stores: Stores) -> None:
    vendor = MoodyVendor(throttles)
    job = await stores.submit(payload="null")
    async with stores.worker(vendor, breaker_rules=LONG):
        while len(vendor.calls) < 10:
            await stores.redis.delete("gateway:closed:sync")
            await stores.redis.publish(WAKE_CHANNEL, "gateway:idle:sync")
            await asyncio.sleep(0.01)
        vendor.mood = well
        assert (await stores.ended(job)).status is Status.COMPLETE
    assert not await is_open(stores)


async def test_a_probe_that_is_told_not_now_leaves_the_try_to_another(stores: Stores) -> None:
    await open_breaker(stores, BreakerRules(first_ms=1))
    vendor = MoodyVendor(throttles)
    throttled = await stores.submit(payload="null")
    async with stores.worker(vendor, breaker_rules=LONG):
        while not vendor.calls:
            await asyncio.sleep(0.01)
        fine = await stores.submit(payload="1")
        assert (await stores.ended(fine)).status is Status.COMPLETE
        vendor.mood = well
        assert (await stores.ended(throttled)).status is Status.COMPLETE
    assert not await is_open(stores)


async def test_trouble_with_a_vendor_that_is_many_holds_nobody(stores: Stores) -> None:
    vendor = MoodyVendor(hangs, attempts=1, breaker=False)
    jobs = await submitted(stores, 12)
    async with stores.worker(vendor, breaker_rules=LONG):
        await ended(stores, jobs)
    assert (len(vendor.calls), await stores.redis.exists(BREAKER)) == (12, 0)


async def test_calls_that_were_claimed_before_it_opened_are_not_made_and_go_back(stores: Stores) -> None:
    vendor, first = MoodyVendor(fails, limit="20/second"), True

    async def wait_then_fail(call: Call) -> Outcome:
        nonlocal first
        if first:
            first = False
            await open_breaker(stores, LONG)
        return await fails(call)

    vendor.mood = wait_then_fail
    jobs = await submitted(stores, 40)
    async with stores.worker(vendor, breaker_rules=LONG):
        while not await is_open(stores):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.4)  # slow: "once a vendor is closed no call to it starts more than 0.3 s later"
        called = len(vendor.calls)
        await asyncio.sleep(0.2)
    assert len(vendor.calls) == called < 20
    assert {(await stores.look(job)).status for job in jobs} == {Status.PENDING}


async def test_jobs_with_too_little_time_do_not_have_a_vendor_taken_for_dead(stores: Stores) -> None:
    async with listening(stay_silent) as silent, VendorHttp() as http:
        vendor = TableVendor("sync", VendorTable.model_validate({"url": silent.url, "timeout_seconds": 20}), http)
        soon = datetime.now(UTC) + timedelta(seconds=0.5)
        jobs = [await stores.submit(deadline=soon) for _ in range(8)]
        async with stores.worker(vendor, breaker_rules=LONG):
            assert {job.status for job in await ended(stores, jobs)} == {Status.FAILED}
        assert len(silent.received) == 8
        assert not await is_open(stores)


async def test_one_of_two_instances_that_fails_is_left_out_by_the_fleet_and_no_job_fails(stores: Stores) -> None:
    counts = Tallies()
    broken = say(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
    async with listening(broken) as one, listening() as other, VendorHttp() as http:
        table = {"url": "/", "instances": [one.url, other.url], "concurrency": 1, "attempts": 9, "backoff": QUICKLY}
        vendor = TableVendor("sync", VendorTable.model_validate(table), http)
        jobs = await submitted(stores, 12)
        worker = stores.worker(vendor, breaker_rules=LONG, counts=counts)
        async with worker, open_breakers(stores.redis, LONG) as breakers:
            assert {job.status for job in await ended(stores, jobs)} == {Status.COMPLETE}
            looks = await breakers.looks([f"vendor:sync:{one.url}", f"vendor:sync:{other.url}", "vendor:sync"])
        reached = {"sync": vendor.instances}
        async with open_vendor_states(stores.database, stores.queue, {}, instances=reached) as states:
            shown = await states.instances("sync")
    assert [look.state for look in looks] == [BreakerState.OPEN, BreakerState.CLOSED, BreakerState.CLOSED]
    assert shown is not None
    assert [(each.instance.url, each.breaker.state) for each in shown] == [
        (one.url, BreakerState.OPEN),
        (other.url, BreakerState.CLOSED),
    ]
    assert (len(one.received), len(other.received)) == (5, 12)
    told = [counts.of(BREAKER_CALLS, "vendor_instance", "sync", outcome) for outcome in ("failed", "ok")]
    assert told == [5, 12]


async def test_calls_that_hung_through_an_opening_do_not_open_it_again(stores: Stores) -> None:
    vendor, over = MoodyVendor(well, backoff=Backoff(60, 60)), asyncio.Event()

    async def hangs_until_then(call: Call) -> Outcome:
        await over.wait()
        return await hangs(call)

    vendor.mood = hangs_until_then
    jobs = await submitted(stores, 6)
    async with openings(stores) as opened, stores.worker(vendor, breaker_rules=QUICK):
        while len(vendor.calls) < 6:
            await asyncio.sleep(0.01)
        await open_breaker(stores, QUICK)
        await opened(1)
        vendor.mood = well
        await stores.ended(await stores.submit())
        over.set()
        while {(await stores.look(job)).attempts[-1].ended_at for job in jobs} & {None}:
            await asyncio.sleep(0.01)
        assert not await is_open(stores)


async def test_after_a_flush_of_redis_all_are_called_again(stores: Stores) -> None:
    await stores.remember()
    await open_breaker(stores, LONG)
    vendor = MoodyVendor(well)
    async with stores.worker(vendor, breaker_rules=LONG):
        job = await stores.submit()
        await stores.redis.flushdb()
        assert (await stores.ended(job)).status is Status.COMPLETE
