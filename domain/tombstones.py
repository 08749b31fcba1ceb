"""
What is left of a deleted job: its idempotency key, so that a late repeat of the request runs nothing.

A tombstone is found by its key only. MongoDB removes it when the key's lifetime is over, and
one without a key with its next look at what has expired, within a minute.
"""

from datetime import datetime, timedelta

from domain.jobs import Job

KEY_LIFETIME = timedelta(hours=24)  # at least, from the submission on
KEPT = frozenset(
    {"id", "client", "vendor", "priority", "status", "claim_token", "generation", "idempotency_key", "fingerprint"}
    | {"run_at", "deadline", "created_at"}
)


def bury(job: Job, now: datetime) -> Job:
    """An ended job without what its client or its vendor said; nothing that is not named in `KEPT` survives."""
    kept = {name: getattr(job, name) for name in KEPT}
    return Job(
        **kept, payload="", epoch=job.epoch + 1, deleted=True, updated_at=now, expire_at=_key_expires_at(job, now)
    )


def _key_expires_at(job: Job, now: datetime) -> datetime:
    """A key lives as long as its job would have, and at least a day."""
    if job.idempotency_key is None:
        return now
    return max(job.expire_at or job.kept_until or now, job.created_at + KEY_LIFETIME)
