"""Events that say no more than that something has changed: the vendor is asked at once, whatever their order."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain import interventions
from domain.infra.job_store import Change, MongoJobStore
from domain.infra.queue import Lease
from domain.jobs import Job, Status
from domain.outcomes import Done, Outcome
from domain.timeline import begin_attempt
from domain.transitions import Rules, settle, signed
from domain.unknowns import unanswered
from domain.vendors import Call, VendorPolicy
from domain.webhooks import EVENTS, EventState, Notice, WebhookEvent
from tests.stores import Stores
from tests.worker.async_vendor import AsyncVendor, Inbox, accepted, waiting
from worker.events import open_event_runner
from worker.verdicts import Again, Ended

FOR_A_DAY = Rules(VendorPolicy(attempts=9, repeatable=True, key_lifetime=timedelta(days=1)))
SELDOM = timedelta(hours=1)  # no poll comes by itself while a test runs
APPLIED, IGNORED = EventState.APPLIED, EventState.IGNORED


def seldom(*answers: Outcome) -> AsyncVendor:
    vendor = AsyncVendor(poll_every=SELDOM)
    vendor.poll_answers = list(answers)
    return vendor


async def test_an_event_has_the_vendor_asked_at_once_and_its_answer_ends_the_job(stores: Stores) -> None:
    inbox, vendor = Inbox(stores), seldom(Done('"paid"'))
    async with stores.worker(vendor):
        job = await waiting(stores, await stores.submit())
        event = await inbox.take(ref="ref-1", status="changed")
        ended = await stores.ended(job)
        await inbox.until(event, APPLIED)
    assert (ended.status, ended.result, ended.ended_by) == (Status.COMPLETE, '"paid"', None)
    assert [attempt.operation for attempt in ended.attempts] == ["call", "poll"]


async def test_an_event_twice_and_of_an_ended_job_changes_nothing(stores: Stores) -> None:
    inbox, vendor = Inbox(stores), seldom(Done("1"))
    async with stores.worker(vendor):
        job = await waiting(stores, await stores.submit())
        event = await inbox.take(ref="ref-1", status="changed")
        ended = await stores.ended(job)
        await inbox.until(event, APPLIED)
        await inbox.queue(event)
        late = await inbox.until(await inbox.take(ref="ref-1", status="changed"), IGNORED)
        while await stores.redis.keys("arq:*"):
            await asyncio.sleep(0.01)
    assert await stores.look(job) == ended
    assert (late.note, len(vendor.polls)) == ("late", 1)


async def test_an_event_that_comes_before_the_vendors_answer_has_it_asked_right_after(stores: Stores) -> None:
    inbox, go_on = Inbox(stores), asyncio.Event()

    async def answer(call: Call) -> Outcome:
        await go_on.wait()
        return accepted("early-1")

    vendor = AsyncVendor(answer, poll_every=SELDOM)
    vendor.poll_answers = [Done("1")]
    async with stores.worker(vendor):
        job = await stores.submit()
        await vendor.called.wait()
        event = await inbox.take(job=job.id, status="changed")
        await inbox.until(event, APPLIED)
        go_on.set()
        assert (await stores.ended(job)).status is Status.COMPLETE


async def test_an_event_that_is_parked_until_the_reference_is_known_has_the_vendor_asked_then(stores: Stores) -> None:
    inbox, vendor = Inbox(stores), seldom(Done("1"))
    event = await inbox.take(ref="ref-1", status="changed")
    async with stores.worker(vendor):
        await inbox.until(event, EventState.PARKED)
        job = await stores.submit()
        assert (await stores.ended(job)).status is Status.COMPLETE


async def test_an_event_during_a_poll_has_the_vendor_asked_once_more(stores: Stores) -> None:
    inbox, vendor, go_on = Inbox(stores), seldom(), asyncio.Event()

    async def poll(call: Call, reference: str) -> Outcome:
        vendor.polls.append((call, reference))
        vendor.polled.set()
        if len(vendor.polls) == 1:
            await go_on.wait()
            return accepted(reference)  # as it was before the change
        return Done("1")

    vendor.poll = poll  # type: ignore[method-assign]
    async with stores.worker(vendor):
        job = await waiting(stores, await stores.submit())
        await inbox.take(ref="ref-1", status="changed")
        await vendor.polled.wait()
        during = await inbox.take(ref="ref-1", status="changed")
        await inbox.until(during, APPLIED)
        go_on.set()
        assert (await stores.ended(job)).status is Status.COMPLETE
    assert len(vendor.polls) == 2


async def test_many_events_at_once_ask_a_few_times_and_none_is_lost(stores: Stores) -> None:
    inbox, vendor = Inbox(stores), seldom(*[accepted("ref-1")] * 30)
    async with stores.worker(vendor):
        job = await waiting(stores, await stores.submit())
        events = [await inbox.take(ref="ref-1", status="changed") for _ in range(20)]
        for event in events:
            await inbox.until(event, APPLIED)
        vendor.poll_answers = [Done("1")]
        await inbox.take(ref="ref-1", status="changed")
        ended = await stores.ended(job)
    assert ended.status is Status.COMPLETE
    assert 2 <= len(vendor.polls) <= 22


async def test_an_event_whose_worker_died_after_it_was_noted_still_has_the_vendor_asked(stores: Stores) -> None:
    inbox, vendor = Inbox(stores), seldom(Done("1"))
    async with stores.worker(vendor):
        job = await waiting(stores, await stores.submit())
        while await stores.redis.exists(f"arq:in-progress:{job.id}"):
            await asyncio.sleep(0.01)
    event = await inbox.take(ref="ref-1", status="changed", queued=False)
    noted = signed(interventions.look_again(job, "changed", datetime.now(UTC), event=event.id), f"event:{event.id}")
    assert await stores.store.compare_and_set([(job, noted)]) == [True]
    await inbox.queue(event)
    async with stores.worker(vendor):
        assert (await stores.ended(job)).status is Status.COMPLETE


async def test_while_somebody_holds_the_job_the_event_waits_and_is_applied_after(stores: Stores) -> None:
    inbox, vendor = Inbox(stores), seldom()
    async with stores.worker(vendor):
        job = await waiting(stores, await stores.submit())
        while await stores.redis.exists(f"arq:in-progress:{job.id}"):
            await asyncio.sleep(0.01)
    await stores.redis.set(f"arq:in-progress:{job.id}", "another's", px=60_000)
    event = await inbox.take(ref="ref-1", status="changed", queued=False)
    lease = Lease(str(event.id), EVENTS, "normal", "w:0")
    async with open_event_runner(stores.station(vendor)) as runner:
        assert isinstance(await runner.run(lease), Again)
        assert (await inbox.look(event)).state is EventState.RECEIVED
        await stores.redis.delete(f"arq:in-progress:{job.id}")
        assert await runner.run(lease) == Ended(tell=False)
    assert (await inbox.look(event)).state is APPLIED
    assert [progress.status for progress in (await stores.look(job)).progress or []] == ["changed"]


async def test_a_vendor_that_nobody_polls_hears_of_it_as_of_any_progress(stores: Stores) -> None:
    inbox, vendor = Inbox(stores), AsyncVendor()
    async with stores.worker(vendor):
        job = await waiting(stores, await stores.submit())
        await inbox.until(await inbox.take(ref="ref-1", status="changed"), APPLIED)
        found = await stores.look(job)
    assert (found.look_from, found.run_at, len(vendor.polls)) == (None, job.run_at, 0)
    assert [progress.status for progress in found.progress or []] == ["changed"]


async def test_an_event_of_nobody_is_ignored_and_nobody_is_alarmed(stores: Stores) -> None:
    inbox = Inbox(stores)
    async with stores.worker(seldom()):
        ignored = await inbox.until(await inbox.take(status="of nobody"), IGNORED)
    assert ignored.note == "of nobody"


class Refuses(MongoJobStore):
    async def compare_and_set(self, changes: Sequence[Change]) -> list[bool]:
        return [False] * len(changes)


async def test_a_word_that_mongodb_will_not_take_ends_no_job(stores: Stores) -> None:
    inbox, vendor = Inbox(stores), seldom()
    async with stores.worker(vendor):
        job = await waiting(stores, await stores.submit())
    event = await inbox.take(ref="ref-1", status="changed", queued=False)
    station = stores.station(vendor, store=Refuses(stores.database))
    async with open_event_runner(station) as runner:
        assert isinstance(await runner.run(Lease(str(event.id), EVENTS, "normal", "w:0")), Again)
    assert not (await stores.look(job)).ended


class Late:
    """A `LateLooks` that remembers what it was offered."""

    def __init__(self, *, takes: bool) -> None:
        self.offered: list[tuple[Notice, Job | None]] = []
        self._takes = takes

    async def take_up(self, vendor: str, notice: Notice, job: Job | None) -> bool:
        assert vendor == "sync"
        self.offered.append((notice, job))
        return self._takes


async def applied_late(stores: Stores, late: Late, **said: Any) -> WebhookEvent:
    inbox = Inbox(stores)
    event = await inbox.take(queued=False, **said)
    async with open_event_runner(stores.station(seldom(), late_looks=late)) as runner:
        assert await runner.run(Lease(str(event.id), EVENTS, "normal", "w:0")) == Ended(tell=False)
    return await inbox.look(event)


async def ended_job(stores: Stores) -> Job:
    async with stores.worker(seldom()):
        job = await waiting(stores, await stores.submit())
        await Inbox(stores).take(ref="ref-1", status="done")
        return await stores.ended(job)


@pytest.mark.parametrize(("takes", "state"), [(True, APPLIED), (False, IGNORED)])
async def test_an_event_after_the_end_is_taken_up_by_whoever_it_concerns(
    stores: Stores, takes: bool, state: EventState
) -> None:
    late, job = Late(takes=takes), await ended_job(stores)
    event = await applied_late(stores, late, ref="ref-1", status="changed")
    assert (event.state, event.job) == (state, job.id)
    assert {offered.id for _, offered in late.offered if offered is not None} == {job.id}
    assert await stores.look(job) == job


@pytest.mark.parametrize(("takes", "state"), [(True, APPLIED), (False, EventState.PARKED)])
async def test_an_event_of_no_job_is_offered_too_and_parked_where_nobody_takes_it(
    stores: Stores, takes: bool, state: EventState
) -> None:
    late = Late(takes=takes)
    event = await applied_late(stores, late, ref="pi_1", status="changed")
    assert event.state is state
    assert {(notice.reference, job) for notice, job in late.offered} == {("pi_1", None)}


async def test_a_word_that_ends_a_job_is_offered_to_nobody_else(stores: Stores) -> None:
    late = Late(takes=True)
    await ended_job(stores)
    assert (await applied_late(stores, late, ref="ref-1", status="failed")).state is IGNORED
    assert late.offered == []


async def test_an_event_of_a_job_that_waits_for_its_next_try_is_taken_up_and_noted(stores: Stores) -> None:
    """Nobody knows its reference, and the next try may bring none: the event is all there is."""
    late, vendor, submitted = Late(takes=True), seldom(), await stores.submit()
    begun = begin_attempt(submitted, worker="w", key="k", now=datetime.now(UTC), operation="call")
    again = settle(begun, unanswered("no answer"), FOR_A_DAY, datetime.now(UTC))
    assert await MongoJobStore(stores.database).compare_and_set([(submitted, signed(again, "w"))]) == [True]
    event = await applied_late(stores, late, job=submitted.id, status="changed")
    assert (event.state, len(late.offered), len(vendor.polls)) == (APPLIED, 1, 0)
    found = await stores.look(submitted)
    assert (found.status, [said.status for said in found.progress or []]) == (Status.PENDING, ["changed"])
