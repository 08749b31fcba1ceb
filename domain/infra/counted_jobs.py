"""
The job store, with what its writes made of the jobs counted.

Every transition passes `compare_and_set`, and is won once: so attempts and ends are counted once, whoever wrote them.
"""

from collections.abc import Sequence

from domain.infra.job_store import Change, MongoJobStore
from domain.infra.mongo import Database
from domain.jobs import Attempt, AttemptOutcome, Job
from domain.metrics import ATTEMPT_SECONDS, ATTEMPTS, JOBS_ENDED
from domain.tallies import Tallies

# Of these nobody knows how long a call took, or there was none.
_NOT_TIMED = frozenset({AttemptOutcome.CRASHED, AttemptOutcome.RELEASED})


class CountedJobStore(MongoJobStore):
    def __init__(self, database: Database, counts: Tallies) -> None:
        super().__init__(database)
        self._counts = counts

    async def compare_and_set(self, changes: Sequence[Change]) -> list[bool]:
        won = await super().compare_and_set(changes)
        for (before, after), mine in zip(changes, won, strict=True):
            if mine:
                count_change(self._counts, before, after)
        return won


def count_change(counts: Tallies, before: Job, after: Job) -> None:
    """One write that was won: the attempt that it closed, and the end that it was."""
    closed = _closed(before, after)
    if closed is not None and closed.outcome is not None:
        counts.add(ATTEMPTS, after.vendor, closed.operation, closed.outcome.value)
        if closed.latency_ms is not None and closed.outcome not in _NOT_TIMED:
            counts.observe(ATTEMPT_SECONDS, closed.latency_ms / 1_000, after.vendor)
    if after.ended and not before.ended:
        counts.add(JOBS_ENDED, after.vendor, after.status.value)


def _closed(before: Job, after: Job) -> Attempt | None:
    """The attempt that was open before and no longer is: an open one is always the last."""
    if not before.attempts or before.attempts[-1].ended_at is not None:
        return None
    number = before.attempts[-1].number
    now = next((attempt for attempt in reversed(after.attempts) if attempt.number == number), None)
    return now if now is not None and now.ended_at is not None else None
