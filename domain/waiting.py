"""
A job that its vendor has taken waits for the vendor's word: by webhook, or by polls.

A poll begins and ends as a call does, and the job goes on waiting meanwhile. `run_at` is when to ask next: at once,
where an event said after the question was asked that something has changed.
"""

from datetime import datetime, timedelta

from domain.jobs import AttemptOutcome, Job, Status
from domain.outcomes import Retry, Waiting
from domain.timeline import SWEEP_AFTER, advance, close_attempt, outcome_name, vendor_status_of
from domain.unknowns import Unknown

SOONEST_POLL = timedelta(milliseconds=1)  # a `run_at` that is not in the future says that nobody is to be asked
NOT_POLLED_NOW = timedelta(minutes=1)  # its table was changed while it was asked: when to see whether it is again


def begin_to_wait(job: Job, outcome: Waiting, every: timedelta | None, now: datetime) -> Job:
    """
    The vendor took the job: it is asked `every` so often what came of it, or never (None).

    At once, where an event came first: the answer may be the one that the vendor stored under our key before that.
    """
    closed = close_attempt(job, now, AttemptOutcome.WAITING, outcome.vendor_status)
    waiting = closed.model_copy(
        update={
            "status": Status.PROCESSING,
            "vendor_ref": outcome.reference,
            "taken_with": outcome.taken_with,
            "waiting_until": min(outcome.deadline, job.deadline),
        }
    )
    if every is None:
        return _look_later(waiting, None, now)
    return _look_later(waiting, now + (every if job.look_from is None else SOONEST_POLL), now)


def wait_on(job: Job, outcome: Waiting | Retry | Unknown, every: timedelta | None, now: datetime) -> Job:
    """A poll that brought no word: only an explicit one ends the job, and no poll uses up a try."""
    detail = None if isinstance(outcome, Waiting) else outcome.reason
    closed = close_attempt(job, now, outcome_name(outcome), vendor_status_of(outcome), counted=False, detail=detail)
    pause = every or NOT_POLLED_NOW
    match outcome:
        case Unknown(sent=False, until=until):
            at = until or now
        case Unknown(cause=AttemptOutcome.DRAINED):
            at = now
        case Retry(after=after) if after is not None:
            at = now + max(pause, after)
        case _:
            at = now if _is_stale(job) else now + pause
    return _look_later(closed, max(at, now + SOONEST_POLL), now)


def _is_stale(job: Job) -> bool:
    """Whether an event came after the question that has just been answered."""
    return job.look_from is not None and job.look_from >= job.attempts[-1].started_at


def _look_later(job: Job, poll_at: datetime | None, now: datetime) -> Job:
    """Waiting goes on. `run_at` is when to ask the vendor, where it is asked at all."""
    ends = min(job.waiting_until or job.deadline, job.deadline)
    if poll_at is None:
        return advance(job, now, run_at=min(job.run_at, now), sweep_at=ends)
    return advance(job, now, run_at=poll_at, sweep_at=max(now, min(poll_at + SWEEP_AFTER, ends)))
