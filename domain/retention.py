"""
How long an ended job is kept, by its status, and when what strangers wrote of it is removed.

The terms are set when a job ends, and hold until it is retried: settings that change later hold for what ends from
then on. A job that still owes a follow-up is kept until that is done: MongoDB, which deletes by the clock alone, is
told of its time only then.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from domain.accounts.mails import VENDOR as MAILS
from domain.jobs import Job, Status
from domain.tombstones import KEY_LIFETIME

A_MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Retention:
    """Counted from a job's end. `redact_after` None: what strangers wrote is kept as long as the job."""

    complete: timedelta = A_MONTH
    failed: timedelta = A_MONTH
    cancelled: timedelta = A_MONTH
    redact_after: timedelta | None = None

    def of(self, status: Status, *, keyed: bool) -> timedelta:
        """A job with an idempotency key is what its repeats are answered from, so it outlives the key."""
        kept = self._of(status)
        return max(kept, KEY_LIFETIME) if keyed else kept

    def begin(self, job: Job, now: datetime) -> Job:
        """The job, which has just ended, with its terms; one that its client had forgotten meanwhile keeps to that."""
        kept = self.of(job.status, keyed=job.idempotency_key is not None)
        redact_at = job.redact_at or self._redact_at(job, now, kept)
        return held_while_owed(job.model_copy(update={"expire_at": now + kept, "redact_at": redact_at}))

    def _redact_at(self, job: Job, now: datetime, kept: timedelta) -> datetime | None:
        """A mail that was sent is nobody's to send again, and its address nobody's to keep."""
        if job.vendor == MAILS and job.status is Status.COMPLETE:
            return now
        redacted = self.redact_after is not None and self.redact_after < kept
        return now + self.redact_after if redacted and self.redact_after else None

    def _of(self, status: Status) -> timedelta:
        match status:
            case Status.COMPLETE:
                return self.complete
            case Status.FAILED:
                return self.failed
            case Status.CANCELLED:
                return self.cancelled
            case Status.PENDING | Status.PROCESSING:
                raise ValueError("a job that has not ended is kept")
            case _:
                assert_never(status)


def held_while_owed(job: Job) -> Job:
    """The ended job with its time of deletion where MongoDB acts on it or, while a follow-up is owed, does not."""
    until = job.expire_at or job.kept_until
    owed = bool(job.follow_ups)
    return job.model_copy(update={"expire_at": None if owed else until, "kept_until": until if owed else None})
