"""A vendor has said in time what came of a job; the workers were away, and nobody has applied it yet."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain import transitions
from domain.jobs import Job, Status
from domain.transitions import signed
from domain.webhooks import EventState
from tests.stores import ScriptedVendor, Stores
from tests.worker.async_vendor import AsyncVendor, Inbox, waiting
from worker.runner import open_runner
from worker.sweep import Sweep
from worker.verdicts import Again

PAST = timedelta(seconds=1)


async def late_job(stores: Stores, which: str) -> Job:
    """A job that waited for its vendor's word until a moment ago."""
    async with stores.worker(AsyncVendor()):
        job = await waiting(stores, await stores.submit())
    past = datetime.now(UTC) - PAST
    await stores.database.jobs.update_one({"_id": job.id}, {"$set": {which: past, "sweep_at": past}})
    return job


@pytest.mark.parametrize("which", ["waiting_until", "deadline"])
@pytest.mark.parametrize("by", ["reference", "request_id"])
async def test_a_job_whose_webhook_came_in_time_is_not_failed_by_the_sweep(stores: Stores, which: str, by: str) -> None:
    job = await late_job(stores, which)
    said: dict[str, Any] = {"ref": job.vendor_ref} if by == "reference" else {"job": job.id}
    await Inbox(stores).take(**said, status="done", queued=False)
    await Sweep(stores.station(AsyncVendor())).once()
    assert (await stores.look(job)).status is Status.PROCESSING
    async with stores.worker(AsyncVendor()):
        assert (await stores.ended(job)).status is Status.COMPLETE


async def test_a_late_job_fails_once_its_webhook_turns_out_to_be_progress(stores: Stores) -> None:
    job = await late_job(stores, "waiting_until")
    event = await Inbox(stores).take(ref=job.vendor_ref, status="half way")
    async with stores.worker(AsyncVendor()):
        await Inbox(stores).until(event, EventState.APPLIED)
        error = (await stores.ended(job)).error
    assert error is not None
    assert error.code == "webhook_deadline"


async def test_a_webhook_of_another_vendor_or_for_another_job_holds_no_late_job_up(stores: Stores) -> None:
    job, inbox = await late_job(stores, "waiting_until"), Inbox(stores)
    await inbox.take(ref=job.vendor_ref, job=job.id, vendor="other", status="done", queued=False)
    await inbox.take(ref="another's", status="done", queued=False)
    assert (await Sweep(stores.station(AsyncVendor())).once())["webhook_deadline"] == 1


async def test_a_vendor_that_nobody_knows_any_more_holds_no_late_job_up(stores: Stores) -> None:
    job = await late_job(stores, "waiting_until")
    await Inbox(stores).take(ref=job.vendor_ref, status="done", queued=False)
    assert (await Sweep(stores.station(ScriptedVendor())).once())["webhook_deadline"] == 1


async def test_a_dead_workers_job_is_not_given_up_before_its_webhook_is_applied(stores: Stores) -> None:
    vendor = AsyncVendor(repeatable=False)
    job = await stores.submit()
    begun = transitions.start(signed(job, "dead:0"), worker="dead", key="k", now=datetime.now(UTC))
    assert await stores.store.compare_and_set([(job, begun)]) == [True]
    event = await Inbox(stores).take(job=job.id, status="done", queued=False)
    async with open_runner(stores.station(vendor)) as runner:
        while not (leases := (await stores.queue.claim("sync", 1, "w:0")).leases):
            pass
        assert isinstance(await runner.run(leases[0]), Again)
    await stores.redis.flushdb()
    await Inbox(stores).queue(event)
    async with stores.worker(vendor):
        ended = await stores.ended(job)
    assert (ended.status, vendor.calls) == (Status.COMPLETE, [])
