"""
The life of a job, as functions from one `Job` to the next.

    pending ──start──► processing ──settle──► complete | failed
       ▲                  │   │
       └──── retry ───────┘   └── waiting (reference stored; a webhook or a poll ends it)

Each of `start`, `settle`, `fail` and `postpone` raises the epoch by one; `signed` only names the writer. The
store writes the result only where the job still has the epoch that it was read with. So of two writers
one wins, and the other learns it. What others than the calling worker may do stands in `domain.interventions`.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, assert_never

from domain.jobs import CALL, AttemptOutcome, Job, JobError, Status
from domain.outcomes import Done, Failed, Outcome, Retry, Waiting
from domain.retention import Retention
from domain.suspects import is_poison, poison
from domain.timeline import MAY_HAVE_ACTED, SWEEP_AFTER, advance, begin_attempt, close_attempt
from domain.unknowns import CODES_OF_DOUBT, Unknown
from domain.vendors import VendorPolicy
from domain.waiting import begin_to_wait, wait_on


@dataclass(frozen=True, slots=True)
class Rules:
    """What a transition needs to know besides the job: the vendor's policy and how long an ended job is kept."""

    policy: VendorPolicy
    retention: Retention = field(default_factory=Retention)


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


def settle(job: Job, outcome: Outcome | Unknown, rules: Rules, now: datetime) -> Job:
    """What the job is after its call came to `outcome`."""
    return _set_aside(job, outcome, rules, now) or _after(job, outcome, rules, now)


def _after(job: Job, outcome: Outcome | Unknown, rules: Rules, now: datetime) -> Job:
    if job.vendor_ref is not None and not isinstance(outcome, Done | Failed):
        return wait_on(job, outcome, rules.policy.poll_every, now)
    match outcome:
        case Done(result=result, vendor_status=status):
            closed = close_attempt(job, now, AttemptOutcome.DONE, status)
            return end(closed, now, rules, status=Status.COMPLETE, result=result)
        case Waiting():
            return begin_to_wait(job, outcome, rules.policy.poll_every, now)
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
        retryable=why.code not in CODES_OF_DOUBT,
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


def _try_again(job: Job, outcome: Retry, rules: Rules, now: datetime) -> Job:
    counted = outcome.counted and not outcome.closes_vendor
    name = AttemptOutcome.THROTTLED if outcome.closes_vendor else AttemptOutcome.RETRY
    closed = close_attempt(job, now, name, outcome.vendor_status, counted=counted, detail=outcome.reason)
    wait = rules.policy.backoff.wait(closed.tries, outcome.after)
    if not counted:  # where the vendor is left alone beyond the deadline, the job waits until that
        return postpone(closed, until=min(now + wait, max(job.deadline, now)), now=now)
    return _again_or_fail(closed, now + wait, Failed(outcome.code, outcome.reason, outcome.vendor_status), rules, now)


def _set_aside(job: Job, outcome: Outcome | Unknown, rules: Rules, now: datetime) -> Job | None:
    """The end of a job that kills whatever runs it, by a poll too; None where that is not proved."""
    if not isinstance(outcome, Unknown):
        return None
    closed = close_attempt(job, now, outcome.cause, None, counted=False, detail=outcome.reason)
    return fail(closed, poison(closed), rules, now) if is_poison(closed) else None


def _after_unknown(job: Job, unknown: Unknown, rules: Rules, now: datetime) -> Job:
    """A repeatable vendor is asked again with the same key, while it remembers the key; nobody else ever is."""
    closed = close_attempt(job, now, unknown.cause, None, counted=unknown.counted, detail=unknown.reason)
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


def end(job: Job, now: datetime, rules: Rules, **changes: Any) -> Job:
    """A terminal state, with what is still to be done because of it."""
    told = ["callback"] if job.callback_url else []
    follow_ups = [*told, *(job.at_end or []), *changes.pop("also", [])] or None
    ended = advance(
        job,
        now,
        **changes,
        follow_ups=follow_ups,
        waiting_until=None,
        sweep_at=now + SWEEP_AFTER if follow_ups else None,
    )
    return rules.retention.begin(ended, now)
