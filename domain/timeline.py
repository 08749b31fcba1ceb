"""
The timeline of a job: one line for each call, begun before the call is made and closed after it.

Every transition passes `advance`, which raises the epoch by one; `close_attempt` leaves that to the
transition that follows.
"""

from datetime import datetime, timedelta
from typing import Any, assert_never

from domain.jobs import CALL, Attempt, AttemptOutcome, Job
from domain.outcomes import Done, Failed, Outcome, Retry, Waiting
from domain.suspects import weighed
from domain.unknowns import Unknown

MAY_HAVE_ACTED = frozenset({AttemptOutcome.OUTCOME_UNKNOWN, AttemptOutcome.CRASHED, AttemptOutcome.DRAINED})
ATTEMPTS_KEPT = 50  # on the timeline; older ones are folded into a count, so that no document grows without bound
SWEEP_AFTER = timedelta(seconds=10)  # twice the default lease; under a longer one it looks early, and changes nothing


def advance(job: Job, now: datetime, **changes: Any) -> Job:
    """The next state: every transition passes here."""
    return job.model_copy(update={"epoch": job.epoch + 1, "updated_at": now, **changes})


def begin_attempt(job: Job, *, worker: str, key: str, now: datetime, operation: str) -> Job:
    """One more line on the timeline; whatever the job's state is, it stays."""
    attempt = Attempt(number=last_number(job) + 1, started_at=now, worker=worker, key=key, operation=operation)
    known = [*job.attempts, attempt]
    kept = _newest(known, job.acknowledged)
    return advance(
        job,
        now,
        attempts=kept,
        attempts_folded=job.attempts_folded + len(known) - len(kept),
        called_at=now,
        sweep_at=now + SWEEP_AFTER,
    )


def _newest(attempts: list[Attempt], acknowledged: int) -> list[Attempt]:
    """And the latest that may have acted: were it folded, a key that the vendor has forgotten would seem fresh."""
    newest = attempts[-ATTEMPTS_KEPT:]
    doubted = [each for each in attempts if each.number > acknowledged and each.outcome in MAY_HAVE_ACTED][-1:]
    return newest if not doubted or doubted[0] in newest else [*doubted, *newest[1:]]


def last_number(job: Job) -> int:
    """The number of the last attempt, 0 before the first. It never falls, and no two attempts share one."""
    return job.attempts_folded + len(job.attempts)


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
    update = {"attempts": [*earlier, closed], "tries": job.tries + counted, **weighed(job, closed)}
    return job.model_copy(update=update)


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
