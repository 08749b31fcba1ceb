"""
The job: what is stored of it, and the words for where it stands.

A `Job` is a value. It is never changed in place: `domain.transitions` makes the next
one from it, with `epoch` one higher, and the store writes that by compare-and-set.
What strangers wrote (`payload`, `result`) is JSON *text*: BSON could not hold all of it.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Status(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETE = "complete"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in ENDED


ENDED = frozenset({Status.COMPLETE, Status.FAILED, Status.CANCELLED})


class Priority(StrEnum):
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class Stage(StrEnum):
    """Where a job that has not ended stands; worked out when it is read, never stored."""

    QUEUED = "queued"
    SCHEDULED = "scheduled"
    RETRYING = "retrying"
    CALLING_VENDOR = "calling_vendor"
    AWAITING_WEBHOOK = "awaiting_webhook"
    RATE_LIMITED = "rate_limited"
    CIRCUIT_OPEN = "circuit_open"
    VENDOR_PAUSED = "vendor_paused"


CALL, POLL, CANCEL = "call", "poll", "cancel"  # what a vendor is asked for; the first alone uses up tries


class AttemptOutcome(StrEnum):
    """What the timeline says a call came to."""

    DONE = "done"
    WAITING = "waiting"
    RETRY = "retry"
    FAILED = "failed"
    THROTTLED = "throttled"
    OUTCOME_UNKNOWN = "outcome_unknown"
    DRAINED = "drained"  # cut by its worker's stop: the vendor may have acted
    RELEASED = "released"  # its worker was stopped before anything was sent
    CRASHED = "crashed"  # its worker was never heard of again


class Attempt(BaseModel):
    """
    One call on the timeline, written *before* it is made (the intent) and completed after.

    `counted` says whether it used up a try: an answer of 429, a call cut by a drain, one whose worker
    died, and whatever is not the job's own call did not.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    started_at: datetime
    worker: str
    key: str  # the idempotency key that the vendor was sent
    operation: str = CALL
    ended_at: datetime | None = None
    outcome: AttemptOutcome | None = None
    vendor_status: int | None = None
    latency_ms: float | None = None
    counted: bool = True
    detail: str | None = None
    apart: bool = False  # its process ran nothing else: if that died, this call killed it


class Progress(BaseModel):
    """What an async vendor said while it was at it."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    status: str
    event: UUID | None = None  # the webhook event that said so: applied twice, it is noted once


class JobError(BaseModel):
    """Why a job failed: `message` for people, `code` for programs."""

    model_config = ConfigDict(frozen=True)

    code: str
    message: str
    vendor_status: int | None = None
    attempts: int = 0  # tries that counted
    retryable: bool = False


class Job(BaseModel):
    """One job as stored. Fields that are None are not written at all: the partial indexes rely on it."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    id: UUID = Field(alias="_id")  # the request_id, a UUIDv7
    client: str
    vendor: str
    payload: str
    metadata: dict[str, str] | None = None
    priority: Priority = Priority.NORMAL
    traceparent: str | None = None

    status: Status = Status.PENDING
    epoch: int = 0  # grows at every transition, whoever makes it: the fencing token in MongoDB
    claim_token: str | None = None  # of whoever wrote last, unique: a writer knows its own write by it
    generation: int = 1  # grows when somebody retries a job that is known to have failed
    at_end: list[str] | None = None  # what its end asks for, whatever it comes to, besides its callback
    follow_ups: list[str] | None = None  # what is still to be done because it ended

    attempts: list[Attempt] = Field(default_factory=list)
    attempts_folded: int = 0  # older ones, dropped from the list
    tries: int = 0  # attempts that counted, in this generation
    crashes: int = 0  # workers that died while they ran it, in this generation
    crashes_in_a_row: int = 0  # of those, since it last came to anything; see `domain.suspects`
    crashes_alone: int = 0  # of those in a row, the ones with nothing else in the process

    called_at: datetime | None = None  # start of the last attempt: what a limiter that forgot everything is seeded from
    vendor_ref: str | None = None
    taken_with: str | None = None  # what the vendor said when it took it, for whoever asked: JSON text, a few kilobytes
    former_refs: list[str] | None = None  # those of generations before: what they still say is no longer ours
    progress: list[Progress] | None = None
    look_from: datetime | None = None  # an event had the vendor asked again: an answer to an older question is stale
    retried_at: datetime | None = None  # when somebody last asked for a retry
    acknowledged: int = 0  # attempts up to this number were seen by whoever asked for a retry
    result: str | None = None
    error: JobError | None = None
    ended_by: UUID | None = None  # the webhook event that ended it, where one did
    former_events: list[UUID] | None = None  # that ended generations before: applied twice, they end nothing

    run_at: datetime  # not before; moves on with every retry
    waiting_until: datetime | None = None
    deadline: datetime
    idempotency_key: str | None = None
    fingerprint: str | None = None  # SHA-256 of the canonical body, with an idempotency key only
    callback_url: str | None = None
    parent: UUID | None = None  # the job whose end asked for this one
    deleted: bool | None = None  # a tombstone: only the idempotency key is still good for something

    created_at: datetime
    updated_at: datetime
    sweep_at: datetime | None = None  # when to look whether something was forgotten
    expire_at: datetime | None = None  # MongoDB deletes it then
    kept_until: datetime | None = None  # what `expire_at` will be when no follow-up is owed any more
    redact_at: datetime | None = None  # when what strangers wrote of it is to be removed: see `domain.redaction`
    redacted_at: datetime | None = None

    @property
    def ended(self) -> bool:
        return self.status.ended

    def stage(self, now: datetime) -> Stage | None:
        """Where it stands at `now`; None when it has ended."""
        if self.ended:
            return None
        if self.status is Status.PROCESSING:
            return Stage.AWAITING_WEBHOOK if self.vendor_ref else Stage.CALLING_VENDOR
        if self.run_at > now:
            return self._why_later()
        return Stage.QUEUED

    def _why_later(self) -> Stage:
        if not self.attempts:
            return Stage.SCHEDULED
        throttled = self.attempts[-1].outcome is AttemptOutcome.THROTTLED
        return Stage.RATE_LIMITED if throttled else Stage.RETRYING
