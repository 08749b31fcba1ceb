"""Jobs that wait: polled, cancelled, past their deadline, forgotten by Redis or by a worker that died."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from domain import interventions, transitions
from domain.backoff import Backoff
from domain.errors import OutcomeUnknown
from domain.infra.queue import Lease
from domain.interventions import CALLBACK, TELL_VENDOR
from domain.jobs import Job, Status
from domain.outcomes import Done, Failed, Outcome, Retry
from domain.transitions import Rules, signed
from domain.vendors import Call
from domain.webhooks import PARKED_FOR, EventState
from tests.stores import LANE, ScriptedVendor, Stores
from tests.worker.async_vendor import AsyncVendor, Inbox, accepted, waiting
from worker.runner import open_runner
from worker.sweep import Sweep
from worker.verdicts import Again, Ended, Verdict

OFTEN = timedelta(milliseconds=50)
PAST = timedelta(seconds=1)


async def test_a_poll_ends_the_job_with_no_try_used_up_and_a_key_of_its_own(stores: Stores) -> None:
    vendor = AsyncVendor(poll_every=OFTEN)
    vendor.poll_answers = [accepted("ref-1"), Retry("busy", "500"), Done("[1]", 200)]
    async with stores.worker(vendor):
        job = await stores.ended(await stores.submit())
    assert (job.status, job.result, job.tries) == (Status.COMPLETE, "[1]", 1)
    assert [(attempt.operation, attempt.outcome) for attempt in job.attempts] == [
        ("call", "waiting"),
        ("poll", "waiting"),
        ("poll", "retry"),
        ("poll", "done"),
    ]
    assert {call.idempotency_key for call, _ in vendor.polls} == {f"{job.id}:poll:1"}
    assert [reference for _, reference in vendor.polls] == ["ref-1"] * 3
    assert len(vendor.calls) == 1


async def test_only_an_explicit_word_of_a_poll_fails_the_job(stores: Stores) -> None:
    vendor = AsyncVendor(poll_every=OFTEN, repeatable=False)
    vendor.poll_answers = [Failed("vendor_failed", "it says so", 200)]
    asked = vendor.poll

    async def poll(call: Call, reference: str) -> Outcome:
        if not vendor.polls:
            vendor.polls.append((call, reference))
            raise OutcomeUnknown("the connection broke")
        return await asked(call, reference)

    vendor.poll = poll  # type: ignore[method-assign]
    async with stores.worker(vendor):
        job = await stores.ended(await stores.submit())
    assert job.error is not None
    assert (job.error.code, [attempt.outcome for attempt in job.attempts][1]) == ("vendor_failed", "outcome_unknown")


async def test_a_429_to_a_poll_closes_the_vendor(stores: Stores) -> None:
    vendor = AsyncVendor(poll_every=OFTEN)
    vendor.poll_answers = [Retry("throttled", "429", timedelta(seconds=0.5), closes_vendor=True), Done("1")]
    async with stores.worker(vendor):
        job = await stores.ended(await stores.submit())
    polls = [attempt.started_at for attempt in job.attempts if attempt.operation == "poll"]
    assert (polls[1] - polls[0]).total_seconds() >= 0.49


async def test_a_webhook_during_a_poll_wins(stores: Stores) -> None:
    vendor, go_on = AsyncVendor(poll_every=OFTEN), asyncio.Event()

    async def poll(call: Call, reference: str) -> Outcome:
        vendor.polled.set()
        await go_on.wait()
        return Failed("vendor_failed", "the poll came too late")

    vendor.poll = poll  # type: ignore[method-assign]
    async with stores.worker(vendor):
        job = await stores.submit()
        await vendor.polled.wait()
        await Inbox(stores).take(ref="ref-1", status="done", result="webhook")
        ended = await stores.ended(job)
        go_on.set()
        while await stores.redis.keys("arq:*"):
            await asyncio.sleep(0.01)
    assert await stores.look(job) == ended
    assert (ended.status, ended.result, ended.tries) == (Status.COMPLETE, '"webhook"', 1)


async def begun_poll(stores: Stores, vendor: AsyncVendor) -> Job:
    """A job whose worker died while it polled."""
    async with stores.worker(AsyncVendor()):
        job = await waiting(stores, await stores.submit())
    key, now = f"{job.id}:poll:1", datetime.now(UTC)
    begun = transitions.start(signed(job, "dead:0"), worker="dead", key=key, now=now, operation="poll")
    assert await stores.store.compare_and_set([(job, begun)]) == [True]
    return begun


async def test_a_worker_that_dies_in_a_poll_costs_no_try(stores: Stores) -> None:
    vendor = AsyncVendor(poll_every=OFTEN, repeatable=False)
    vendor.poll_answers = [Done("1")]
    begun = await begun_poll(stores, vendor)
    await due_for_sweep(stores)
    async with stores.worker(vendor):
        job = await stores.ended(begun)
    assert [attempt.outcome for attempt in job.attempts] == ["waiting", "crashed", "done"]
    assert (job.status, job.tries, job.crashes) == (Status.COMPLETE, 1, 1)


async def test_polls_go_on_after_a_flush_of_redis(stores: Stores) -> None:
    vendor = AsyncVendor(poll_every=timedelta(seconds=0.3))
    vendor.poll_answers = [accepted("ref-1"), accepted("ref-1"), Done("1")]
    async with stores.worker(vendor):
        job = await stores.submit()
        await vendor.polled.wait()
        while await stores.redis.exists(f"arq:in-progress:{job.id}"):
            await asyncio.sleep(0.01)  # the poll is over, and the next one stands in the queue
        await stores.redis.flushdb()
        assert (await stores.ended(job)).status is Status.COMPLETE


async def test_a_job_that_is_not_polled_leaves_the_queue_when_it_sits_there(stores: Stores) -> None:
    vendor = AsyncVendor()
    async with stores.worker(vendor):
        job = await waiting(stores, await stores.submit())
        while await stores.redis.keys("arq:*"):
            await asyncio.sleep(0.01)
        await stores.make_due(job)
        while await stores.redis.zcard(LANE):
            await asyncio.sleep(0.01)
    assert (await stores.look(job), len(vendor.calls)) == (job, 1)


async def due_for_sweep(stores: Stores) -> None:
    past = datetime.now(UTC) - PAST
    await stores.database.jobs.update_many({"sweep_at": {"$exists": True}}, {"$set": {"sweep_at": past}})


async def test_no_webhook_in_time_fails_the_job(stores: Stores) -> None:
    async def answer(call: Call) -> Outcome:
        return accepted(f"ref-{call.request_id}", within=-PAST if call.payload == '"webhook"' else timedelta(days=9))

    soon = datetime.now(UTC) + timedelta(seconds=1)
    async with stores.worker(AsyncVendor(answer)):
        jobs = [await stores.submit(payload='"webhook"'), await stores.submit(deadline=soon)]
        errors = [(await stores.ended(job)).error for job in jobs]
    assert [error.code for error in errors if error] == ["webhook_deadline", "deadline"]


async def test_a_waiting_job_of_a_vendor_that_left_the_tables_fails_at_its_deadline(stores: Stores) -> None:
    async def answer(call: Call) -> Outcome:
        return accepted("gone", within=-PAST)

    async with open_runner(stores.station(AsyncVendor(answer))) as runner:
        job = await stores.submit()
        assert await runner.run(await claimed(stores)) == Ended()
    await due_for_sweep(stores)
    assert (await Sweep(stores.station()).once())["webhook_deadline"] == 1
    assert (await stores.look(job)).status is Status.FAILED


async def claimed(stores: Stores) -> Lease:
    while not (leases := (await stores.queue.claim("sync", 1, "w:0")).leases):
        await asyncio.sleep(0.01)
    return leases[0]


async def cancelled(stores: Stores, job: Job) -> Job:
    """Ended by its client, whatever goes on meanwhile."""
    while True:
        now = datetime.now(UTC)
        found = await stores.look(job)
        after = signed(interventions.cancel(found, Rules(ScriptedVendor().policy), now), f"client:{now.timestamp()}")
        if (await stores.store.compare_and_set([(found, after)]))[0]:
            return after


async def test_a_job_that_is_cancelled_between_claim_and_start_is_never_called(stores: Stores) -> None:
    vendor, job = AsyncVendor(), await stores.submit()
    lease = await claimed(stores)
    await cancelled(stores, job)
    async with open_runner(stores.station(vendor)) as runner:
        assert await runner.run(lease) == Ended(tell=False)
    assert (vendor.calls, (await stores.look(job)).attempts) == ([], [])


async def test_the_answer_to_a_cancelled_job_is_noted_and_its_vendor_told(stores: Stores) -> None:
    go_on = asyncio.Event()

    async def answer(call: Call) -> Outcome:
        await go_on.wait()
        return accepted("unwanted")

    vendor = AsyncVendor(answer)
    async with stores.worker(vendor):
        job = await stores.submit()
        await vendor.called.wait()
        await cancelled(stores, job)
        go_on.set()
        await vendor.cancelled.wait()
        while (told := await stores.look(job)).follow_ups:
            await asyncio.sleep(0.01)
    assert (told.status, told.vendor_ref) == (Status.CANCELLED, "unwanted")
    assert [(attempt.operation, attempt.outcome) for attempt in told.attempts] == [
        ("call", "waiting"),
        ("cancel", "done"),
    ]
    assert [(call.idempotency_key, ref) for call, ref in vendor.cancels] == [(f"{job.id}:cancel:1", "unwanted")]


async def test_a_vendor_has_time_to_hear_of_a_cancel_past_the_jobs_deadline_too(stores: Stores) -> None:
    vendor = AsyncVendor()
    async with stores.worker(vendor):
        job = await waiting(stores, await stores.submit())
    await cancelled(stores, job)
    await stores.database.jobs.update_one({"_id": job.id}, {"$set": {"deadline": datetime.now(UTC) - PAST}})
    async with stores.worker(vendor):
        await vendor.cancelled.wait()
        while (await stores.look(job)).follow_ups:
            await asyncio.sleep(0.01)
    assert [call.timeout for call, _ in vendor.cancels] == [vendor.policy.timeout]
    assert (await stores.look(job)).status is Status.CANCELLED


async def test_a_vendor_that_does_not_hear_is_told_again_and_then_given_up(stores: Stores) -> None:
    vendor = AsyncVendor(backoff=Backoff(0.001, 0.001))

    async def cancel(call: Call, reference: str) -> None:
        vendor.cancels.append((call, reference))
        raise OutcomeUnknown("no answer")

    vendor.cancel = cancel  # type: ignore[method-assign]
    async with stores.worker(vendor):
        job = await waiting(stores, await stores.submit())
        await cancelled(stores, job)
        while (await stores.look(job)).follow_ups:
            await asyncio.sleep(0.01)
        while await stores.redis.keys("arq:*"):
            await asyncio.sleep(0.01)
    assert (len(vendor.cancels), (await stores.look(job)).sweep_at) == (interventions.TELLS_ALLOWED, None)


class TellsNobody(AsyncVendor):
    cancel = None  # type: ignore[assignment]


async def test_a_vendor_that_takes_no_cancels_owes_nothing(stores: Stores) -> None:
    async with stores.worker(TellsNobody()):
        job = await waiting(stores, await stores.submit())
        await cancelled(stores, job)
        while (await stores.look(job)).follow_ups:
            await asyncio.sleep(0.01)
    assert (await stores.look(job)).attempts == job.attempts


async def test_a_stored_event_that_nobody_queued_is_found_by_the_sweep(stores: Stores) -> None:
    inbox = Inbox(stores)
    async with stores.worker(AsyncVendor()):
        job = await waiting(stores, await stores.submit())
    await inbox.take(ref="ref-1", status="done", queued=False)
    sweep = Sweep(stores.station(AsyncVendor()))
    await stores.remember()
    assert (await sweep.once())["events_queued"] == 0
    await inbox.sweep_due()
    assert (await sweep.once())["events_queued"] == 1
    async with stores.worker(AsyncVendor()):
        assert (await stores.ended(job)).status is Status.COMPLETE


async def test_after_a_flush_of_redis_queued_events_are_queued_again(stores: Stores) -> None:
    inbox, sweep = Inbox(stores), Sweep(stores.station(AsyncVendor()))
    await inbox.take(ref="ref-1", status="done")
    await sweep.once()
    await stores.redis.flushdb()
    assert (await sweep.once())["events_queued"] == 1


async def test_a_parked_event_whose_job_has_its_reference_by_now_is_matched_by_the_sweep(stores: Stores) -> None:
    inbox = Inbox(stores)
    async with stores.worker(AsyncVendor()):
        event = await inbox.take(ref="ref-9", status="done")
        await inbox.until(event, EventState.PARKED)
        job = await waiting(stores, await stores.submit())
        await stores.database.jobs.update_one({"_id": job.id}, {"$set": {"vendor_ref": "ref-9"}})
        await inbox.sweep_due()
        assert (await stores.ended(job)).status is Status.COMPLETE


async def test_an_event_that_stays_parked_is_orphaned_after_a_day(stores: Stores) -> None:
    inbox = Inbox(stores)
    async with stores.worker(AsyncVendor()):
        event = await inbox.take(ref="nobody's", status="done")
        await inbox.until(event, EventState.PARKED)
    long_ago = datetime.now(UTC) - PARKED_FOR
    await stores.database.webhook_events.update_one({"_id": event.id}, {"$set": {"received_at": long_ago}})
    await inbox.sweep_due()
    counts = await asyncio.gather(*(Sweep(stores.station()).once() for _ in range(3)))
    assert sum(count["orphaned"] for count in counts) == 1
    assert ((await inbox.look(event)).state, (await inbox.look(event)).sweep_at) == (EventState.ORPHANED, None)


class FollowUpsOnRecord:
    """A `FollowUpRunner` that remembers."""

    def __init__(self) -> None:
        self.begun: list[Job] = []
        self.done: list[Job] = []

    def soon(self, job: Job) -> None:
        self.begun.append(job)

    async def do(self, jobs: Sequence[Job]) -> None:
        self.done += jobs


async def test_every_end_begins_its_callback_and_the_sweep_does_what_was_left(stores: Stores) -> None:
    follow_ups = FollowUpsOnRecord()
    station = stores.station(ScriptedVendor(), follow_ups=follow_ups)
    asked: dict[str, Any] = {"callback_url": "https://acme.example/hook"}
    called = await stores.submit(**asked)
    async with open_runner(station) as runner:
        await runner.run(await claimed(stores))
        late = await stores.submit(**asked, deadline=datetime.now(UTC) - PAST)
        await runner.run(await claimed(stores))
    swept = await stores.submit(**asked, deadline=datetime.now(UTC) - PAST, run_at=datetime.now(UTC) + 9 * PAST)
    await due_for_sweep(stores)
    counts = await Sweep(station).once()
    assert [job.id for job in follow_ups.begun] == [called.id, late.id, swept.id]
    assert {job.id for job in follow_ups.done} == {called.id, late.id}
    assert (counts["followed_up"], counts["deadline"], follow_ups.done[0].follow_ups) == (2, 1, [CALLBACK])


async def test_a_cancel_that_nobody_told_the_vendor_is_queued_by_the_sweep(stores: Stores) -> None:
    async with stores.worker(AsyncVendor()):
        job = await waiting(stores, await stores.submit())
    assert (await cancelled(stores, job)).follow_ups == [TELL_VENDOR]
    assert (await Sweep(stores.station(AsyncVendor())).once())["queued_again"] == 1


async def test_a_job_whose_vendor_has_just_left_the_tables_breaks_no_batch(stores: Stores) -> None:
    await stores.submit()
    lease = await claimed(stores)
    async with open_runner(stores.station()) as runner:
        verdict: Verdict = await runner.run(lease)
    assert isinstance(verdict, Again)
