"""Webhooks on real stores: whatever their order, each job ends once, by the vendor's own word."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain import interventions, transitions
from domain.infra.event_store import MongoEventStore, Moved
from domain.infra.queue import Lease
from domain.jobs import Job, Status
from domain.outcomes import LARGEST_RESULT_BYTES, Done, Failed, Outcome
from domain.ports import Queued
from domain.transitions import Rules, signed
from domain.vendors import Call
from domain.webhooks import EVENTS, EventState
from tests.stores import ScriptedVendor, Stores
from tests.worker.async_vendor import AsyncVendor, Inbox, accepted, waiting
from worker.events import open_event_runner

APPLIED, IGNORED, PARKED = EventState.APPLIED, EventState.IGNORED, EventState.PARKED


async def test_a_webhook_ends_the_job_that_waits_for_it(stores: Stores) -> None:
    inbox = Inbox(stores)
    async with stores.worker(AsyncVendor()):
        job = await waiting(stores, await stores.submit())
        event = await inbox.take(ref="ref-1", status="done", result=[1, 2])
        ended = await stores.ended(job)
        kept = await inbox.until(event, APPLIED)
    assert (ended.status, ended.result, ended.ended_by) == (Status.COMPLETE, "[1, 2]", event.id)
    assert (kept.job, kept.sweep_at) == (job.id, None)
    assert [(attempt.outcome, attempt.counted) for attempt in ended.attempts] == [("waiting", True)]
    assert await stores.redis.keys("arq:*") == []


async def test_a_webhook_that_says_no_fails_the_job(stores: Stores) -> None:
    async with stores.worker(AsyncVendor()):
        job = await waiting(stores, await stores.submit())
        await Inbox(stores).take(ref="ref-1", status="failed")
        ended = await stores.ended(job)
    assert ended.error is not None
    assert (ended.status, ended.error.code) == (Status.FAILED, "vendor_failed")


async def test_a_webhook_before_the_vendors_answer_is_parked_and_then_matched(stores: Stores) -> None:
    inbox, go_on = Inbox(stores), asyncio.Event()

    async def answer(call: Call) -> Outcome:
        await go_on.wait()
        return accepted("early-1")

    vendor = AsyncVendor(answer)
    async with stores.worker(vendor):
        job = await stores.submit()
        await vendor.called.wait()
        event = await inbox.take(ref="early-1", status="done", result="x")
        await inbox.until(event, PARKED)
        go_on.set()
        ended = await stores.ended(job)
        await inbox.until(event, APPLIED)
    assert (ended.status, ended.result) == (Status.COMPLETE, '"x"')


class ParksLate(MongoEventStore):
    """Lets a worker save the reference, and look for parked events, between the look for the job and the parking."""

    def __init__(self, stores: Stores) -> None:
        super().__init__(stores.database)
        self.parks = asyncio.Event()
        self.go_on = asyncio.Event()

    async def move(self, moves: Sequence[Moved]) -> None:
        self.parks.set()
        await self.go_on.wait()
        await super().move(moves)


async def test_a_reference_that_is_saved_just_before_its_webhook_is_parked_is_found_by_the_second_look(
    stores: Stores,
) -> None:
    inbox, events = Inbox(stores), ParksLate(stores)
    event = await inbox.take(ref="ref-1", status="done", queued=False)
    async with open_event_runner(stores.station(AsyncVendor(), events=events)) as runner:
        applying = asyncio.create_task(runner.run(Lease(str(event.id), EVENTS, "normal", "w:0")))
        await events.parks.wait()
        async with stores.worker(AsyncVendor()):
            job = await waiting(stores, await stores.submit())
        events.go_on.set()
        await applying
    assert (await stores.look(job)).status is Status.COMPLETE
    assert (await inbox.look(event)).state is APPLIED


async def test_a_webhook_that_names_our_id_ends_the_job_in_mid_call_and_the_late_answer_is_noted(
    stores: Stores,
) -> None:
    inbox, go_on = Inbox(stores), asyncio.Event()

    async def answer(call: Call) -> Outcome:
        await go_on.wait()
        return accepted("late-ref")

    vendor = AsyncVendor(answer)
    async with stores.worker(vendor):
        job = await stores.submit()
        await vendor.called.wait()
        await inbox.take(ref="late-ref", job=job.id, status="done", result=1)
        assert (await stores.ended(job)).vendor_ref is None
        go_on.set()
        noted = await waiting(stores, job)
        while await stores.redis.keys("arq:*"):
            await asyncio.sleep(0.01)  # the lease went at once, not at its end
        second = await inbox.take(ref="late-ref", status="failed")
        late = await inbox.until(second, IGNORED)
    assert (noted.status, noted.vendor_ref, noted.result) == (Status.COMPLETE, "late-ref", "1")
    assert (late.note, late.job) == ("late", job.id)


async def test_progress_in_mid_call_costs_the_worker_nothing(stores: Stores) -> None:
    inbox, go_on = Inbox(stores), asyncio.Event()

    async def answer(call: Call) -> Outcome:
        await go_on.wait()
        return accepted("ref-p")

    vendor = AsyncVendor(answer)
    async with stores.worker(vendor):
        job = await stores.submit()
        await vendor.called.wait()
        event = await inbox.take(job=job.id, status="half way")
        await inbox.until(event, APPLIED)
        go_on.set()
        at_work = await waiting(stores, job)
        await inbox.take(ref="ref-p", status="done")
        ended = await stores.ended(job)
    assert [progress.status for progress in at_work.progress or []] == ["half way"]
    assert (len(vendor.calls), ended.status, ended.crashes) == (1, Status.COMPLETE, 0)


async def test_progress_after_the_end_and_a_failure_after_success_change_nothing(stores: Stores) -> None:
    inbox = Inbox(stores)
    async with stores.worker(AsyncVendor()):
        job = await waiting(stores, await stores.submit())
        await inbox.take(ref="ref-1", status="done")
        ended = await stores.ended(job)
        events = [await inbox.take(ref="ref-1", status=status) for status in ("half way", "failed", "done")]
        late = [await inbox.until(event, IGNORED, APPLIED) for event in events]
    assert [(event.state, event.note) for event in late] == [(IGNORED, "late")] * 3
    assert (await stores.look(job)) == ended


async def test_of_twenty_webhooks_at_once_one_ends_the_job(stores: Stores) -> None:
    inbox = Inbox(stores)
    async with stores.worker(AsyncVendor()), stores.worker(AsyncVendor()):
        job = await waiting(stores, await stores.submit())
        events = await asyncio.gather(*(inbox.take(ref=job.vendor_ref, status="done", result=n) for n in range(20)))
        ended = await stores.ended(job)
        states = [(await inbox.until(event, APPLIED, IGNORED)).state for event in events]
    assert sorted(states) == [APPLIED] + [IGNORED] * 19
    assert ended.epoch == job.epoch + 1
    assert states[[event.id for event in events].index(ended.ended_by or UUID(int=0))] is APPLIED


async def test_a_reference_that_another_job_has_fails_the_job_and_is_no_outage(stores: Stores) -> None:
    async def answer(call: Call) -> Outcome:
        return accepted("the same")

    async with stores.worker(AsyncVendor(answer)):
        first = await waiting(stores, await stores.submit())
        alone = await stores.ended(await stores.submit())
        together = await asyncio.gather(*(stores.submit() for _ in range(3)))
        errors = [(await stores.ended(job)).error for job in (alone, *together)]
    assert [error.code for error in errors if error] == ["vendor_reference_reused"] * 4
    assert (await stores.look(first)).status is Status.PROCESSING


async def test_another_vendors_webhook_cannot_touch_the_job(stores: Stores) -> None:
    inbox, other = Inbox(stores), AsyncVendor()
    other.name = "other"
    async with stores.worker(AsyncVendor(), other):
        job = await waiting(stores, await stores.submit())
        event = await inbox.take(vendor="other", ref="ref-1", job=job.id, status="done")
        await inbox.until(event, PARKED)
    assert (await stores.look(job)).status is Status.PROCESSING


async def test_a_result_by_webhook_that_no_document_can_hold_fails_the_job(stores: Stores) -> None:
    async with stores.worker(AsyncVendor()):
        job = await waiting(stores, await stores.submit())
        await Inbox(stores).take(ref="ref-1", status="done", result="x" * LARGEST_RESULT_BYTES)
        ended = await stores.ended(job)
    assert ended.error is not None
    assert ended.error.code == "reply_too_large"


async def test_what_the_vendor_does_not_promise_is_set_aside(stores: Stores) -> None:
    inbox = Inbox(stores)
    async with stores.worker(AsyncVendor()):
        events = [await inbox.take(ref="ref-1"), await inbox.take(ref="ref-1", status="done", job="no id")]
        assert [(await inbox.until(event, EventState.QUARANTINED)).job for event in events] == [None, None]


async def test_an_event_that_its_worker_applied_but_did_not_live_to_note_comes_out_as_applied(stores: Stores) -> None:
    inbox, vendor = Inbox(stores), AsyncVendor()
    async with stores.worker(vendor):
        job = await waiting(stores, await stores.submit())
    first, second, done = (inbox.event(ref="ref-1", status=status) for status in ("half way", "nearly there", "done"))
    once = noted_by(first.id, job)
    twice = noted_by(second.id, once)
    ended = ended_by(done.id, twice, vendor)
    assert await stores.store.compare_and_set([(job, once)]) == [True]
    for before, after, events in ((once, twice, (first, second)), (twice, ended, (done,))):
        assert await stores.store.compare_and_set([(before, after)]) == [True]
        for event in events:
            await stores.database.webhook_events.insert_one(event.model_dump(by_alias=True, exclude_none=True))
        await inbox.queue(*events)
        async with stores.worker(vendor):
            for event in events:
                await inbox.until(event, APPLIED)
        assert (await stores.look(job)).epoch == after.epoch


async def test_an_event_that_ended_a_job_and_was_not_noted_does_not_end_it_again_after_a_retry(stores: Stores) -> None:
    inbox, vendor = Inbox(stores), AsyncVendor()
    async with stores.worker(vendor):
        job = await waiting(stores, await stores.submit())
    event = inbox.event(job=job.id, status="failed")
    now = datetime.now(UTC)
    no = Failed("vendor_failed", "no")
    heard = signed(interventions.hear(job, no, Rules(vendor.policy), now, event=event.id), "event")
    retried = signed(interventions.retry(heard, now), "retry")
    begun = signed(transitions.start(retried, worker="w", key=f"{job.id}:call:2", now=now), "w:1")
    for before, after in ((job, heard), (heard, retried), (retried, begun)):
        assert await stores.store.compare_and_set([(before, after)]) == [True]
    await stores.database.webhook_events.insert_one(event.model_dump(by_alias=True, exclude_none=True))
    await inbox.queue(event)
    async with stores.worker(vendor):
        await inbox.until(event, APPLIED)
        assert (await stores.look(job)).ended_by is None


def noted_by(event: UUID, job: Job) -> Job:
    return signed(interventions.note_progress(job, "a word", datetime.now(UTC), event=event), f"event:{event}")


def ended_by(event: UUID, job: Job, vendor: ScriptedVendor) -> Job:
    heard = interventions.hear(job, Done("1"), Rules(vendor.policy), datetime.now(UTC), event=event)
    return signed(heard, f"event:{event}")


async def test_a_worker_that_does_not_know_the_vendor_leaves_the_event_to_one_that_does(stores: Stores) -> None:
    inbox, stranger = Inbox(stores), ScriptedVendor()
    stranger.name = "stranger"
    async with stores.worker(AsyncVendor()):
        job = await waiting(stores, await stores.submit())
    async with stores.worker(stranger):
        await inbox.take(ref="ref-1", status="done")
        await asyncio.sleep(0.2)  # it has claimed it and given it back by now
        assert not (await stores.look(job)).ended
        async with stores.worker(AsyncVendor()):
            assert (await stores.ended(job)).status is Status.COMPLETE


async def test_a_word_of_an_earlier_generation_does_not_end_the_one_that_runs_now(stores: Stores) -> None:
    inbox = Inbox(stores)
    async with stores.worker(AsyncVendor()):
        job = await waiting(stores, await stores.submit())
        await inbox.take(ref="ref-1", job=job.id, status="failed")
        failed = await stores.ended(job)
        await retried(stores, failed)
        again = await waiting(stores, job)
        old = await inbox.take(ref="ref-1", job=job.id, status="done")
        assert (await inbox.until(old, IGNORED)).note == "of an earlier generation"
        await inbox.take(ref="ref-2", job=job.id, status="done")
        ended = await stores.ended(job)
    assert (again.vendor_ref, again.generation, again.former_refs) == ("ref-2", 2, ["ref-1"])
    assert (ended.status, ended.error) == (Status.COMPLETE, None)


async def test_a_late_word_is_heard_after_all_when_a_retry_gets_the_same_reference(stores: Stores) -> None:
    async def answer(call: Call) -> Outcome:
        return accepted("one and only", within=timedelta(seconds=0.3) if not inbox.known else timedelta(hours=1))

    inbox = Inbox(stores)
    async with stores.worker(AsyncVendor(answer)):
        job = await stores.submit()
        failed = await stores.ended(job)
        late = await inbox.take(ref="one and only", status="done", result="at last")
        await inbox.until(late, IGNORED)
        inbox.known.append(late.id)
        await retried(stores, failed)
        ended = await stores.ended(job)
        await inbox.until(late, APPLIED)
    assert failed.error is not None
    assert (failed.error.code, ended.generation, ended.result) == ("webhook_deadline", 1, '"at last"')


async def retried(stores: Stores, job: Job) -> None:
    after = signed(interventions.retry(job, datetime.now(UTC)), "a client")
    assert await stores.store.compare_and_set([(job, after)]) == [True]
    await stores.queue.enqueue([Queued.of(after)])
