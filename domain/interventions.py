"""
What others than the calling worker do to a job: a webhook, a client, the sweep.

Like `domain.transitions`, functions from one `Job` to the next, the epoch one higher; the store
writes them by compare-and-set. A terminal state is left by `retry` only.
"""

from datetime import datetime, timedelta
from uuid import UUID

from domain.jobs import CALL, CANCEL, Attempt, AttemptOutcome, Job, Progress, Status
from domain.outcomes import Done, Failed, Outcome, Retry, Waiting
from domain.retention import held_while_owed
from domain.suspects import is_poison
from domain.timeline import (
    MAY_HAVE_ACTED,
    SWEEP_AFTER,
    advance,
    begin_attempt,
    close_attempt,
    last_number,
    outcome_name,
    vendor_status_of,
)
from domain.transitions import Rules, end, fail
from domain.unknowns import CODES_OF_DOUBT, Unknown

CALLBACK = "callback"  # follow-ups: see `Job.follow_ups`
ORDER = "order"  # the order that it is about has to learn of its end
PAYMENT = "payment"  # likewise the payment
ON_RECORD = frozenset({CALLBACK, ORDER, PAYMENT})  # what a `FollowUpRunner` does
TELL_VENDOR = "vendor_cancel"
PROGRESS_KEPT = 50
TELLS_ALLOWED = 5  # how often a vendor is told that a job is cancelled, before it is given up
LONG_GONE = timedelta(hours=1)  # a call ends by its job's deadline: so long after it nobody makes it any more

_SET_ASIDE = frozenset({"poison", "crashed"})  # the last is an old name


def hear(job: Job, word: Done | Failed, rules: Rules, now: datetime, *, event: UUID | None = None) -> Job:
    """The vendor's own word, by webhook, about a job that has not ended. An open attempt is the call it overtook."""
    closed = close_attempt(job, now, outcome_name(word), None) if is_called(job) else job
    told = closed.model_copy(update={"ended_by": event})
    if isinstance(word, Done):
        return end(told, now, rules, status=Status.COMPLETE, result=word.result)
    return fail(told, word, rules, now)


def note_progress(job: Job, status: str, now: datetime, *, event: UUID | None = None) -> Job:
    """A word that is neither done nor failed: on the timeline, and nothing else."""
    told = [*(job.progress or []), Progress(at=now, status=status, event=event)]
    return advance(job, now, progress=told[-PROGRESS_KEPT:])


def look_again(job: Job, status: str, now: datetime, *, event: UUID | None = None) -> Job:
    """
    A word that something has changed: the next poll is due now.

    A call or a poll under way may have been answered before the change: `domain.waiting` asks once more after it.
    """
    noted = note_progress(job, status, now, event=event).model_copy(update={"look_from": now})
    if job.vendor_ref is None or is_called(job):
        return noted
    return noted.model_copy(update={"run_at": now, "sweep_at": now + SWEEP_AFTER})


def is_due_for_a_look(job: Job, now: datetime) -> bool:
    """Whether it waits, nobody asks its vendor just now, and somebody should."""
    return not job.ended and job.vendor_ref is not None and not is_called(job) and job.run_at <= now


def cancel(job: Job, rules: Rules, now: datetime) -> Job:
    """
    Ended by the client. A call under way is not cut: its attempt stays open for `note_late`.

    A vendor that has taken the job is told, where it can be: the follow-up `TELL_VENDOR`, which the sweep begins.
    """
    also = [TELL_VENDOR] if job.vendor_ref is not None else []
    cancelled = end(job, now, rules, status=Status.CANCELLED, also=also)
    return cancelled.model_copy(update={"run_at": now, "sweep_at": now}) if also else cancelled


def note_late(job: Job, outcome: Outcome | Unknown, now: datetime) -> Job:
    """The answer of a call that the end of its job overtook: kept on the timeline; the state stays."""
    closed = job
    if is_called(job):
        name, status = outcome_name(outcome), vendor_status_of(outcome)
        closed = close_attempt(job, now, name, status, detail="late: the job had ended")
    if not isinstance(outcome, Waiting) or job.vendor_ref is not None:
        return advance(closed, now)
    if job.status is not Status.CANCELLED:
        return advance(closed, now, vendor_ref=outcome.reference)
    follow_ups = [*(job.follow_ups or []), TELL_VENDOR]
    owing = advance(closed, now, vendor_ref=outcome.reference, follow_ups=follow_ups, sweep_at=now + SWEEP_AFTER)
    return held_while_owed(owing)


def begin_to_tell(job: Job, *, worker: str, key: str, now: datetime) -> Job:
    """The intent to tell the vendor that the job is cancelled; an attempt that its worker left open is closed."""
    ready = job
    if is_called(job):
        ready = close_attempt(job, now, AttemptOutcome.CRASHED, None, detail="the worker that ran it is gone")
    return begin_attempt(ready, worker=worker, key=key, now=now, operation=CANCEL)


def told(job: Job, outcome: Outcome | Unknown, rules: Rules, now: datetime) -> Job:
    """
    What telling came to. It is owed no more when the vendor heard it, and after `TELLS_ALLOWED` tries.

    `run_at` is when to try again. A job that somebody retried meanwhile owes it no more either.
    """
    name, status = outcome_name(outcome), vendor_status_of(outcome)
    detail = None if isinstance(outcome, Done | Waiting) else outcome.reason
    closed = close_attempt(job, now, name, status, detail=detail)
    if not owes_telling(job):
        return advance(closed, now)
    if isinstance(outcome, Done | Waiting | Failed) or tells_made(closed) >= TELLS_ALLOWED or is_poison(closed):
        return followed_up(closed, TELL_VENDOR, now)
    at = _tell_again_at(outcome, tells_made(closed), rules, now)
    return advance(closed, now, run_at=at, sweep_at=at + SWEEP_AFTER)


def _tell_again_at(outcome: Retry | Unknown, tries: int, rules: Rules, now: datetime) -> datetime:
    if isinstance(outcome, Retry):
        return now + rules.policy.backoff.wait(max(tries, 1), outcome.after)
    if not outcome.sent:
        return outcome.until or now
    return now + rules.policy.backoff.wait(max(tries, 1))


def owes_follow_up(job: Job) -> bool:
    """Whether its end asks for what a `FollowUpRunner` does. To tell its vendor of a cancel is its lane's work."""
    return job.ended and not ON_RECORD.isdisjoint(job.follow_ups or [])


def owes_telling(job: Job) -> bool:
    """Whether the vendor is still to be told that the job is cancelled."""
    return job.ended and TELL_VENDOR in (job.follow_ups or [])


def tells_made(job: Job) -> int:
    """How often the vendor was told of this cancellation; where nothing was sent, or it asked for quiet, is no try."""
    none = {AttemptOutcome.RELEASED, AttemptOutcome.DRAINED, AttemptOutcome.THROTTLED}
    return sum(attempt.operation == CANCEL and attempt.outcome not in none for attempt in _recent(job))


def retry(job: Job, now: datetime) -> Job:
    """
    A failed or cancelled job once more, because somebody asked for it.

    The generation, and with it the key that the vendor sees, grows only when the outcome is known to be a
    failure: a vendor would replay that. Where it has acted or may have the key stays, so that it does not act twice.
    """
    return advance(
        job,
        now,
        status=Status.PENDING,
        generation=job.generation + (0 if may_have_acted(job) else 1),
        acknowledged=last_number(job),
        tries=0,
        crashes=0,
        crashes_alone=0,  # those in a row stay: until it comes to anything, a suspect runs apart
        result=None,
        error=None,
        ended_by=None,
        former_events=[*(job.former_events or []), *([job.ended_by] if job.ended_by else [])] or None,
        vendor_ref=None,
        taken_with=None,
        former_refs=[*(job.former_refs or []), *([job.vendor_ref] if job.vendor_ref else [])] or None,
        look_from=None,
        follow_ups=None,
        run_at=now,
        waiting_until=None,
        retried_at=now,
        deadline=now + (job.deadline - (job.retried_at or job.created_at)),
        sweep_at=now + SWEEP_AFTER,
        expire_at=None,
        kept_until=None,
        redact_at=None,
    )


def overdue(job: Job, rules: Rules, now: datetime) -> Job | None:
    """The failure of a job whose time is up; None where it is not, or where a call under way will tell."""
    if job.ended:
        return None
    if job.status is Status.PROCESSING and is_called(job):
        return _abandoned(job, rules, now) if job.deadline + LONG_GONE <= now else None
    if job.vendor_ref is not None and job.waiting_until is not None and job.waiting_until <= now < job.deadline:
        return fail(job, Failed("webhook_deadline", "the vendor did not say in time what came of it"), rules, now)
    if job.deadline <= now:
        begun = "ended" if job.attempts else "started"
        return fail(job, Failed("deadline", f"not {begun} by its deadline"), rules, now)
    return None


def _abandoned(job: Job, rules: Rules, now: datetime) -> Job:
    """Its worker is gone, and no other took it up: its vendor has left the tables."""
    why = "the worker that ran it is gone, and nobody took it up by its deadline"
    closed = close_attempt(job, now, AttemptOutcome.CRASHED, None, counted=False, detail=why)
    return fail(closed, Failed("outcome_unknown", why), rules, now)


def followed_up(job: Job, done: str, now: datetime) -> Job:
    """One of `follow_ups` is done, or on record as a job of its own."""
    left = [follow_up for follow_up in job.follow_ups or [] if follow_up != done] or None
    return held_while_owed(advance(job, now, follow_ups=left, sweep_at=job.sweep_at if left else None))


def is_called(job: Job) -> bool:
    """Whether a call for it is on record that has not ended."""
    return bool(job.attempts) and job.attempts[-1].ended_at is None


def called_since_retry(job: Job) -> bool:
    """Whether the vendor was called for it in this generation."""
    return last_number(job) > job.acknowledged


def may_have_acted(job: Job) -> bool:
    """
    Whether the vendor has done, may have done or may still do what the last generation asked for.

    Only its own no, as the last word, proves that it has not; a refusal for now does not, nor a success that could
    not be read.
    """
    if job.error is not None and job.error.code in CODES_OF_DOUBT | _SET_ASIDE:
        return True
    acted = MAY_HAVE_ACTED | {None, AttemptOutcome.WAITING, AttemptOutcome.DONE}
    return not _said_no(job) and (job.attempts_folded > 0 or any(each.outcome in acted for each in _of_last_key(job)))


def _said_no(job: Job) -> bool:
    """By webhook, or by the answer to the last call; whoever took the job and failed it later said so by webhook."""
    if job.error is None or job.error.code == "deadline" or not job.attempts:
        return False
    return job.ended_by is not None or job.attempts[-1].outcome in {AttemptOutcome.FAILED, AttemptOutcome.WAITING}


def _of_last_key(job: Job) -> list[Attempt]:
    """The calls of the last generation that was called; retries may lie between them, and the doubt outlasts these."""
    calls = [attempt for attempt in job.attempts if attempt.operation == CALL]
    return [attempt for attempt in calls if attempt.key == calls[-1].key]


def _recent(job: Job) -> list[Attempt]:
    """The attempts since somebody last asked for a retry."""
    return [attempt for attempt in job.attempts if attempt.number > job.acknowledged]
