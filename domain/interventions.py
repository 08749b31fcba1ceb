"""
What others than the calling worker do to a job: a webhook, a client, the sweep.

Like `domain.transitions`, functions from one `Job` to the next, the epoch one higher; the store
writes them by compare-and-set. A terminal state is left by `retry` only.
"""

from datetime import datetime

from domain.jobs import AttemptOutcome, Job, Progress, Status
from domain.outcomes import Done, Failed, Outcome, Retry, Waiting
from domain.transitions import MAY_HAVE_ACTED, SWEEP_AFTER, Rules, Unknown, advance, close_attempt, end, fail

CALLBACK = "callback"  # follow-ups: see `Job.follow_ups`
TELL_VENDOR = "vendor_cancel"
PROGRESS_KEPT = 50

_CODES_OF_DOUBT = frozenset({"outcome_unknown", "webhook_deadline", "crashed"})


def hear(job: Job, word: Done | Failed, rules: Rules, now: datetime) -> Job:
    """The vendor's own word, by webhook, about a job that has not ended. An open attempt is the call it overtook."""
    outcome = AttemptOutcome.DONE if isinstance(word, Done) else AttemptOutcome.FAILED
    closed = close_attempt(job, now, outcome, None) if is_called(job) else job
    if isinstance(word, Done):
        return end(closed, now, rules, status=Status.COMPLETE, result=word.result)
    return fail(closed, word, rules, now)


def note_progress(job: Job, status: str, now: datetime) -> Job:
    """A word that is neither done nor failed: on the timeline, and nothing else."""
    told = [*(job.progress or []), Progress(at=now, status=status)]
    return advance(job, now, progress=told[-PROGRESS_KEPT:])


def cancel(job: Job, rules: Rules, now: datetime) -> Job:
    """
    Ended by the client. A call under way is not cut: its attempt stays open for `note_late`.

    A vendor that has taken the job is told, where it can be: the follow-up `TELL_VENDOR`.
    """
    also = [TELL_VENDOR] if job.vendor_ref is not None else []
    return end(job, now, rules, status=Status.CANCELLED, also=also)


def note_late(job: Job, outcome: Outcome | Unknown, now: datetime) -> Job:
    """The answer of a call that the end of its job overtook: kept on the timeline; the state stays."""
    closed = job
    if is_called(job):
        closed = close_attempt(job, now, _name(outcome), _vendor_status(outcome), detail="late: the job had ended")
    if not isinstance(outcome, Waiting) or job.vendor_ref is not None:
        return advance(closed, now)
    if job.status is not Status.CANCELLED:
        return advance(closed, now, vendor_ref=outcome.reference)
    follow_ups = [*(job.follow_ups or []), TELL_VENDOR]
    return advance(closed, now, vendor_ref=outcome.reference, follow_ups=follow_ups, sweep_at=now + SWEEP_AFTER)


def retry(job: Job, now: datetime) -> Job:
    """
    A failed or cancelled job once more, because somebody asked for it.

    The generation, and with it the key that the vendor sees, grows only when the outcome is known to be a
    failure: a vendor would replay that. Where it may have acted the key stays, so that it does not act twice.
    """
    return advance(
        job,
        now,
        status=Status.PENDING,
        generation=job.generation + (0 if may_have_acted(job) else 1),
        acknowledged=job.attempts_folded + len(job.attempts),
        tries=0,
        crashes=0,
        result=None,
        error=None,
        vendor_ref=None,
        former_refs=[*(job.former_refs or []), *([job.vendor_ref] if job.vendor_ref else [])] or None,
        follow_ups=None,
        run_at=now,
        waiting_until=None,
        deadline=now + (job.deadline - job.created_at),
        sweep_at=now + SWEEP_AFTER,
        expire_at=None,
    )


def overdue(job: Job, rules: Rules, now: datetime) -> Job | None:
    """The failure of a job whose time is up; None where it is not, or where a call under way will tell."""
    if job.ended or is_called(job):
        return None
    if job.vendor_ref is not None and job.waiting_until is not None and job.waiting_until <= now < job.deadline:
        return fail(job, Failed("webhook_deadline", "the vendor did not say in time what came of it"), rules, now)
    if job.deadline <= now:
        begun = "ended" if job.attempts else "started"
        return fail(job, Failed("deadline", f"not {begun} by its deadline"), rules, now)
    return None


def followed_up(job: Job, done: str, now: datetime) -> Job:
    """One of `follow_ups` is done, or on record as a job of its own."""
    left = [follow_up for follow_up in job.follow_ups or [] if follow_up != done] or None
    return advance(job, now, follow_ups=left, sweep_at=job.sweep_at if left else None)


def is_called(job: Job) -> bool:
    """Whether a call for it is on record that has not ended."""
    return bool(job.attempts) and job.attempts[-1].ended_at is None


def may_have_acted(job: Job) -> bool:
    """Whether the vendor may have done, or may still do, what the last generation asked for."""
    if job.error is not None and job.error.code in _CODES_OF_DOUBT:
        return True
    doubtful = MAY_HAVE_ACTED | {None, AttemptOutcome.WAITING}
    recent = [attempt for attempt in job.attempts if attempt.number > job.acknowledged]
    said_no = job.error is not None and job.error.code != "deadline"
    return not said_no and any(attempt.outcome in doubtful for attempt in recent)


def _name(outcome: Outcome | Unknown) -> AttemptOutcome:
    match outcome:
        case Done():
            return AttemptOutcome.DONE
        case Waiting():
            return AttemptOutcome.WAITING
        case Failed():
            return AttemptOutcome.FAILED
        case Retry(closes_vendor=closes):
            return AttemptOutcome.THROTTLED if closes else AttemptOutcome.RETRY
        case Unknown(cause=cause):
            return cause


def _vendor_status(outcome: Outcome | Unknown) -> int | None:
    return None if isinstance(outcome, Unknown) else outcome.vendor_status
