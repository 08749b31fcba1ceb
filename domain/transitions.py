"""
The life of a job, as functions from one `Job` to the next.

    pending ──start──► processing ──settle──► complete | failed
       ▲                  │   │
       └──── retry ───────┘   └── waiting (reference stored; a webhook or a poll ends it)

Each of `start`, `settle`, `fail` and `postpone` raises the epoch by one; `signed` only names the writer. The
store writes the result only where the job still has the epoch that it was read with. So of two writers
one wins, and the other learns it. What others than the calling worker may do stands in `domain.interventions`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, assert_never

from domain.jobs import CALL, Attempt, AttemptOutcome, Job, JobError, Status
from domain.outcomes import Done, Failed, Outcome, Retry, Waiting
from domain.vendors import VendorPolicy

MAY_HAVE_ACTED = frozenset({AttemptOutcome.OUTCOME_UNKNOWN, AttemptOutcome.CRASHED, AttemptOutcome.DRAINED})
ATTEMPTS_KEPT = 50  # on the timeline; older ones are folded into a count, so that no document grows without bound
CRASHES_ALLOWED = 10  # a job that was in flight when so many workers died is set aside
SOONEST_POLL = timedelta(milliseconds=1)  # a `run_at` that is not in the future says that nobody is to be asked
SWEEP_AFTER = timedelta(seconds=10)  # twice the default lease; under a longer one it looks early, and changes nothing


@dataclass(frozen=True, slots=True)
class Unknown:
    """A call of which nobody can say what it came to. Made by the five functions below."""

    reason: str
    cause: AttemptOutcome
    counted: bool
    sent: bool = True  # False: it is certain that nothing was sent, so asking again is always safe
    until: datetime | None = None  # not to be asked again before


def unanswered(reason: str) -> Unknown:
    return Unknown(reason, AttemptOutcome.OUTCOME_UNKNOWN, counted=True)


def cut_by_stop() -> Unknown:
    return Unknown("cut off when its worker was stopped", AttemptOutcome.DRAINED, counted=False)


def never_sent() -> Unknown:
    return Unknown("its worker was stopped before the call", AttemptOutcome.RELEASED, counted=False, sent=False)


def held_back(reason: str, until: datetime) -> Unknown:
    return Unknown(reason, AttemptOutcome.RELEASED, counted=False, sent=False, until=until)


def worker_died() -> Unknown:
    return Unknown("the worker that ran it is gone", AttemptOutcome.CRASHED, counted=False)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a transition needs to know besides the job: the vendor's policy and how long an ended job is kept."""

    policy: VendorPolicy
    retention: timedelta = timedelta(days=30)


def signed(job: Job, token: str) -> Job:
    """The job under the writer's own token, which is unique: two writers at one epoch are told apart by it."""
    return job.model_copy(update={"claim_token": token})


def start(job: Job, *, worker: str, key: str, now: datetime, operation: str = CALL) -> Job:
    """
    The intent to call, on record before the call is made. The job must be `signed` by the claim's token.

    A job that waits for its webhook is polled: it goes on waiting meanwhile.
    """
    waiting_until = job.waiting_until if job.vendor_ref is not None else None
    begun = begin_attempt(job, worker=worker, key=key, now=now, operation=operation)
    return begun.model_copy(update={"status": Status.PROCESSING, "waiting_until": waiting_until})


def begin_attempt(job: Job, *, worker: str, key: str, now: datetime, operation: str) -> Job:
    """One more line on the timeline; whatever the job's state is, it stays."""
    attempt = Attempt(number=last_number(job) + 1, started_at=now, worker=worker, key=key, operation=operation)
    kept = [*job.attempts, attempt]
    folded = max(0, len(kept) - ATTEMPTS_KEPT)
    return advance(
        job,
        now,
        attempts=kept[folded:],
        attempts_folded=job.attempts_folded + folded,
        called_at=now,
        sweep_at=now + SWEEP_AFTER,
    )


def last_number(job: Job) -> int:
    """The number of the last attempt, 0 before the first. It never falls, and no two attempts share one."""
    return job.attempts_folded + len(job.attempts)


def settle(job: Job, outcome: Outcome | Unknown, rules: Rules, now: datetime) -> Job:
    """What the job is after its call came to `outcome`."""
    if job.vendor_ref is not None and not isinstance(outcome, Done | Failed):
        return _wait_on(job, outcome, rules, now)
    match outcome:
        case Done(result=result, vendor_status=status):
            closed = close_attempt(job, now, AttemptOutcome.DONE, status)
            return end(closed, now, rules, status=Status.COMPLETE, result=result)
        case Waiting():
            return _begin_to_wait(job, outcome, rules, now)
        case Failed(vendor_status=status, reason=reason):
            return fail(close_attempt(job, now, AttemptOutcome.FAILED, status, detail=reason), outcome, rules, now)
        case Retry():
            return _try_again(job, outcome, rules, now)
        case Unknown():
            return _after_unknown(job, outcome, rules, now)
        case _:
            assert_never(outcome)


def fail(job: Job, why: Failed, rules: Rules, now: datetime) -> Job:
    """The end that is no success. It is retryable by hand where the failure is known; the payload is kept."""
    error = JobError(
        code=why.code,
        message=why.reason,
        vendor_status=why.vendor_status,
        attempts=job.tries,
        retryable=why.code != "outcome_unknown",
    )
    return end(job, now, rules, status=Status.FAILED, error=error)


def postpone(job: Job, *, until: datetime, now: datetime) -> Job:
    """Back in the queue until `until`, with no try used up beyond what the timeline says."""
    return advance(
        job,
        now,
        status=Status.PENDING,
        run_at=until,
        waiting_until=until,
        sweep_at=min(until + SWEEP_AFTER, max(job.deadline, now)),
    )


def _begin_to_wait(job: Job, outcome: Waiting, rules: Rules, now: datetime) -> Job:
    closed = close_attempt(job, now, AttemptOutcome.WAITING, outcome.vendor_status)
    waiting = closed.model_copy(
        update={
            "status": Status.PROCESSING,
            "vendor_ref": outcome.reference,
            "waiting_until": min(outcome.deadline, job.deadline),
        }
    )
    every = rules.policy.poll_every
    return _look_later(waiting, None if every is None else now + every, now)


def _wait_on(job: Job, outcome: Waiting | Retry | Unknown, rules: Rules, now: datetime) -> Job:
    """A poll that brought no word: only an explicit one ends the job, and no poll uses up a try."""
    detail = None if isinstance(outcome, Waiting) else outcome.reason
    closed = close_attempt(job, now, outcome_name(outcome), vendor_status_of(outcome), counted=False, detail=detail)
    every = rules.policy.poll_every or timedelta(minutes=1)
    match outcome:
        case Unknown(sent=False, until=until):
            at = until or now
        case Unknown(cause=AttemptOutcome.DRAINED):
            at = now
        case Retry(after=after) if after is not None:
            at = now + max(every, after)
        case _:
            at = now + every
    return _look_later(closed, max(at, now + SOONEST_POLL), now)


def _look_later(job: Job, poll_at: datetime | None, now: datetime) -> Job:
    """Waiting goes on. `run_at` is when to ask the vendor, where it is asked at all."""
    ends = min(job.waiting_until or job.deadline, job.deadline)
    if poll_at is None:
        return advance(job, now, run_at=min(job.run_at, now), sweep_at=ends)
    return advance(job, now, run_at=poll_at, sweep_at=max(now, min(poll_at + SWEEP_AFTER, ends)))


def _try_again(job: Job, outcome: Retry, rules: Rules, now: datetime) -> Job:
    counted = not outcome.closes_vendor
    name = AttemptOutcome.RETRY if counted else AttemptOutcome.THROTTLED
    closed = close_attempt(job, now, name, outcome.vendor_status, counted=counted, detail=outcome.reason)
    wait = rules.policy.backoff.wait(closed.tries, outcome.after)
    if not counted:  # asked to be left alone beyond the deadline, the job waits until that
        return postpone(closed, until=min(now + wait, max(job.deadline, now)), now=now)
    return _again_or_fail(closed, now + wait, Failed(outcome.code, outcome.reason, outcome.vendor_status), rules, now)


def _after_unknown(job: Job, unknown: Unknown, rules: Rules, now: datetime) -> Job:
    """A repeatable vendor is asked again with the same key, while it remembers the key; nobody else ever is."""
    closed = close_attempt(job, now, unknown.cause, None, counted=unknown.counted, detail=unknown.reason)
    if unknown.cause is AttemptOutcome.CRASHED:
        closed = closed.model_copy(update={"crashes": job.crashes + 1})
        if closed.crashes >= CRASHES_ALLOWED:
            return fail(closed, Failed("crashed", f"{closed.crashes} workers died while they ran this job"), rules, now)
    why = Failed("outcome_unknown", unknown.reason)
    if unknown.sent and not _may_repeat(job, rules, now):
        return fail(closed, why, rules, now)
    if unknown.until is not None:
        return postpone(closed, until=min(unknown.until, max(job.deadline, now)), now=now)
    wait = rules.policy.backoff.wait(closed.tries) if unknown.counted else timedelta(0)
    return _again_or_fail(closed, now + wait, why, rules, now)


def _again_or_fail(job: Job, at: datetime, why: Failed, rules: Rules, now: datetime) -> Job:
    if job.tries >= rules.policy.attempts:
        return fail(job, why, rules, now)
    if at >= job.deadline:
        late = Failed("deadline", f"not ended by its deadline; the last answer was: {why.reason}", why.vendor_status)
        return fail(job, late, rules, now)
    return postpone(job, until=at, now=now)


def repeat_forbidden(job: Job, rules: Rules, now: datetime) -> bool:
    """Whether an earlier call may have acted while the vendor may no longer know its key: time passes in the queue."""
    unknown = any(attempt.outcome in MAY_HAVE_ACTED for attempt in job.attempts if attempt.number > job.acknowledged)
    return unknown and not _may_repeat(job, rules, now)


def _may_repeat(job: Job, rules: Rules, now: datetime) -> bool:
    """Whether the vendor honours keys and still remembers this one, counted from its first use."""
    if not rules.policy.repeatable:
        return False
    if job.attempts_folded:  # the first use is no longer on record: take the earliest that it can have been
        return now - job.created_at < rules.policy.key_lifetime
    key = job.attempts[-1].key
    first = next(attempt.started_at for attempt in job.attempts if attempt.key == key)
    return now - first < rules.policy.key_lifetime


def close_attempt(  # noqa: PLR0913 - what an attempt's line on the timeline says
    job: Job,
    now: datetime,
    outcome: AttemptOutcome,
    vendor_status: int | None,
    *,
    counted: bool = True,
    detail: str | None = None,
) -> Job:
    """The job with its last attempt completed; the epoch is left to the transition that follows."""
    *earlier, last = job.attempts
    counted = counted and last.operation == CALL
    closed = last.model_copy(
        update={
            "ended_at": now,
            "outcome": outcome,
            "vendor_status": vendor_status,
            "latency_ms": round((now - last.started_at).total_seconds() * 1000, 1),
            "counted": counted,
            "detail": detail,
        }
    )
    return job.model_copy(update={"attempts": [*earlier, closed], "tries": job.tries + counted})


def end(job: Job, now: datetime, rules: Rules, **changes: Any) -> Job:
    """A terminal state, with what is still to be done because of it."""
    follow_ups = [*(["callback"] if job.callback_url else []), *changes.pop("also", [])] or None
    return advance(
        job,
        now,
        **changes,
        follow_ups=follow_ups,
        waiting_until=None,
        sweep_at=now + SWEEP_AFTER if follow_ups else None,
        expire_at=now + rules.retention,
    )


def advance(job: Job, now: datetime, **changes: Any) -> Job:
    """The next state: every transition passes here."""
    return job.model_copy(update={"epoch": job.epoch + 1, "updated_at": now, **changes})


def outcome_name(outcome: Outcome | Unknown) -> AttemptOutcome:
    """What the timeline calls it."""
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
        case _:
            assert_never(outcome)


def vendor_status_of(outcome: Outcome | Unknown) -> int | None:
    return None if isinstance(outcome, Unknown) else outcome.vendor_status
