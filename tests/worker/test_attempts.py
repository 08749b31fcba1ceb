"""One attempt, on real stores: what the vendor says becomes of the job."""

import asyncio
from datetime import UTC, datetime, timedelta

from domain.backoff import Backoff
from domain.errors import OutcomeUnknown
from domain.jobs import Status
from domain.outcomes import Done, Failed, Outcome, Retry
from domain.vendors import Call
from tests.stores import ScriptedVendor, Stores

SOON = Backoff(0.001, 0.001)


async def test_a_job_is_called_once_and_its_answer_kept_as_it_came(stores: Stores) -> None:
    async def answer(call: Call) -> Outcome:
        return Done('{"$a.b": 12345678901234567890123, "a": 1, "a": 2, "z": "\\u0000"}', 200)

    vendor = ScriptedVendor(answer)
    payload = '{"$set": {"a.b": 1}, "n": 1.0, "n": 1, "nul": "\\u0000"}'
    async with stores.worker(vendor):
        job = await stores.ended(await stores.submit(payload=payload))
    assert job.result == '{"$a.b": 12345678901234567890123, "a": 1, "a": 2, "z": "\\u0000"}'
    assert [call.payload for call in vendor.calls] == [payload]
    assert vendor.calls[0].idempotency_key == f"{job.id}:call:1" == job.attempts[0].key


async def test_nothing_is_left_in_redis_when_a_job_has_ended(stores: Stores) -> None:
    async with stores.worker(ScriptedVendor()):
        await stores.ended(await stores.submit())
    assert await stores.redis.keys("arq:*") == []


async def test_every_automatic_attempt_has_the_same_key_and_stands_on_the_timeline(stores: Stores) -> None:
    answers: list[Outcome] = [Retry("busy", "503", vendor_status=503), Retry("busy", "500"), Done("1", 200)]

    async def answer(call: Call) -> Outcome:
        return answers.pop(0)

    vendor = ScriptedVendor(answer, backoff=SOON)
    async with stores.worker(vendor):
        job = await stores.ended(await stores.submit())
    assert [attempt.outcome for attempt in job.attempts] == ["retry", "retry", "done"]
    assert len({call.idempotency_key for call in vendor.calls}) == 1


async def test_after_the_last_try_the_job_has_failed(stores: Stores) -> None:
    async def answer(call: Call) -> Outcome:
        return Retry("vendor_unavailable", "it said 503", vendor_status=503)

    vendor = ScriptedVendor(answer, backoff=SOON, attempts=3)
    async with stores.worker(vendor):
        job = await stores.ended(await stores.submit())
    assert job.error is not None
    assert (job.status, job.error.attempts, len(vendor.calls)) == (Status.FAILED, 3, 3)


async def test_an_unknown_outcome_is_asked_again_only_where_keys_are_honoured(stores: Stores) -> None:
    async def answer(call: Call) -> Outcome:
        raise OutcomeUnknown("the connection broke after the request was sent")

    once = ScriptedVendor(answer, repeatable=False)
    async with stores.worker(once):
        job = await stores.ended(await stores.submit())
    assert job.error is not None
    assert (job.error.code, len(once.calls)) == ("outcome_unknown", 1)
    again = ScriptedVendor(answer, backoff=SOON, attempts=2)
    async with stores.worker(again):
        await stores.ended(await stores.submit())
    assert len(again.calls) == 2


async def test_a_bug_in_an_adapter_is_an_unknown_outcome_and_kills_no_worker(stores: Stores) -> None:
    async def answer(call: Call) -> Outcome:
        if call.payload == '"bug"':
            raise ZeroDivisionError
        return Done("1")

    async with stores.worker(ScriptedVendor(answer, repeatable=False)):
        broken = await stores.ended(await stores.submit(payload='"bug"'))
        fine = await stores.ended(await stores.submit())
    assert broken.error is not None
    assert (broken.error.code, fine.status) == ("outcome_unknown", Status.COMPLETE)


async def test_a_closed_vendor_is_called_by_nobody_until_it_opens(stores: Stores) -> None:
    first = True

    async def answer(call: Call) -> Outcome:
        nonlocal first
        if first:
            first = False
            return Retry("throttled", "429", timedelta(seconds=0.7), closes_vendor=True, vendor_status=429)
        return Done("1", 200)

    vendor = ScriptedVendor(answer)
    async with stores.worker(vendor), stores.worker(vendor):
        throttled = await stores.submit()
        await vendor.called.wait()
        while not await stores.redis.exists("gateway:closed:sync"):
            await asyncio.sleep(0)
        other = await stores.ended(await stores.submit())
        ended = await stores.ended(throttled)
    assert (other.attempts[0].started_at - ended.attempts[0].started_at).total_seconds() >= 0.69
    assert [attempt.counted for attempt in ended.attempts] == [False, True]


async def test_a_result_that_no_document_can_hold_fails_the_job_instead_of_calling_again(stores: Stores) -> None:
    async def answer(call: Call) -> Outcome:
        return Done('"' + "x" * (13 * 1024 * 1024) + '"', 200)

    vendor = ScriptedVendor(answer)
    async with stores.worker(vendor):
        job = await stores.ended(await stores.submit())
    assert job.error is not None
    assert (job.error.code, len(vendor.calls)) == ("reply_too_large", 1)


async def test_a_call_that_outlasts_the_deadline_is_cut_there(stores: Stores) -> None:
    async def answer(call: Call) -> Outcome:
        await asyncio.sleep(call.timeout.total_seconds())
        raise OutcomeUnknown("timed out")

    vendor = ScriptedVendor(answer, timeout=timedelta(seconds=30))
    async with stores.worker(vendor):
        job = await stores.ended(await stores.submit(deadline=datetime.now(UTC) + timedelta(seconds=0.5)))
    assert job.error is not None
    assert job.error.code == "deadline"


async def test_a_refused_job_fails_with_the_vendors_status(stores: Stores) -> None:
    async def answer(call: Call) -> Outcome:
        return Failed("vendor_rejected", "it said 422", 422)

    async with stores.worker(ScriptedVendor(answer)):
        job = await stores.ended(await stores.submit())
    assert job.error is not None
    assert (job.error.code, job.error.vendor_status) == ("vendor_rejected", 422)
