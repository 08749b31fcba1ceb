"""What a vendor is asked for in one attempt: to do the job, to say what came of it, or to leave it."""

from datetime import datetime, timedelta

from domain.jobs import CALL, CANCEL, POLL, Job
from domain.outcomes import Done, Outcome, Retry
from domain.vendors import AnswersPolls, Call, TakesCancels, Vendor


def is_polled(vendor: Vendor) -> bool:
    """Whether its waiting jobs come due by themselves."""
    return vendor.policy.poll_every is not None and isinstance(vendor, AnswersPolls)


def operation_for(job: Job) -> str:
    """What the next attempt of a job is."""
    if job.ended:
        return CANCEL
    return CALL if job.vendor_ref is None else POLL


def call_for(job: Job, operation: str, timeout: timedelta) -> Call:
    return Call(
        job.id,
        job.payload,
        timeout,
        generation=job.generation,
        operation=operation,
        traceparent=job.traceparent,
    )


def time_for(job: Job, timeout: timedelta, now: datetime) -> timedelta:
    """How long a call may take: no longer than its job, unless the job has ended already."""
    return timeout if job.ended else max(min(timeout, job.deadline - now), timedelta(0))


async def ask(vendor: Vendor, job: Job, call: Call) -> Outcome:
    """Make the call. A vendor that can no longer be asked so is never called for the job itself instead."""
    if call.operation == CALL:
        return await vendor.call(call)
    reference = job.vendor_ref or ""
    if call.operation == POLL and isinstance(vendor, AnswersPolls):
        return await vendor.poll(call, reference)
    if call.operation == CANCEL and isinstance(vendor, TakesCancels):
        await vendor.cancel(call, reference)
        return Done("null")
    return Retry("not_asked", "the vendor's table was changed and says no longer how to ask it")
