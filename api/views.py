"""A job as clients see it. msgspec, since these two routes carry nearly all of the traffic."""

from datetime import datetime
from hashlib import blake2b
from math import ceil
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from domain.callbacks import callback_id
from domain.estimates import Standing, standing_of
from domain.jobs import Attempt, Job, JobError, Priority, Stage, Status

LONGEST_RETRY_AFTER_SECONDS = 60

RequestId = Annotated[str, Meta(description="The job's id, a UUIDv7.", extra_json_schema={"format": "uuid"})]
CallbackPath = Annotated[str, Meta(description="The job that tells the callback_url of this one's end.")]
REDACTED = (
    "When payload, result and the vendor's words were removed, as the operator wants it some time after the end. "
    "`result` is null from then on, and the job cannot be run again."
)
TAKEN_WITH = "What a vendor that answers later said when it took the job, such as where to go on."
Json = Annotated[Raw, Meta(description="Any JSON value, as the vendor gave it.")]


class Links(msgspec.Struct, frozen=True, omit_defaults=True):
    self: Annotated[str, Meta(description="Where the job is to be read.")]
    callback: CallbackPath | UnsetType = UNSET


class AcceptedView(msgspec.Struct, frozen=True):
    """A job that is stored durably and will be run."""

    request_id: RequestId
    status: Status
    links: Links


class ErrorView(msgspec.Struct, frozen=True):
    code: Annotated[str, Meta(description="For programs: permanent.")]
    vendor_status: int | None
    attempts: Annotated[int, Meta(description="Tries that counted.")]
    retryable: bool


class AttemptView(msgspec.Struct, frozen=True):
    """One call to the vendor. An answer of 429, or a call that ran through a drain, is listed and does not count."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    worker: str
    outcome: str | None
    vendor_status: int | None
    latency_ms: float | None
    counted: bool
    apart: Annotated[bool, Meta(description="Its process ran nothing else: see the error code `poison`.")]


class ProgressView(msgspec.Struct, frozen=True):
    """What an asynchronous vendor said by webhook while it was at it."""

    at: datetime
    status: Annotated[str, Meta(description="In the vendor's own words.")]


class JobView(msgspec.Struct, frozen=True, omit_defaults=True):
    """
    A job as it stands. One that has not ended says where it is (`stage`), until when (`waiting_until`) and, where
    that can be told, when its next call will start; `complete` carries `result`, `failed` `error` and `error_detail`.
    """

    request_id: RequestId
    status: Status
    vendorType: str  # noqa: N815 - the name that clients send
    priority: Priority
    created_at: datetime
    updated_at: datetime
    run_at: datetime
    deadline: datetime
    links: Links
    stage: Stage | UnsetType = UNSET
    waiting_until: datetime | UnsetType = UNSET
    estimated_start: Annotated[datetime, Meta(description="By what the vendor takes now: no promise.")] | UnsetType = (
        UNSET
    )
    callback_url: str | UnsetType = UNSET
    metadata: dict[str, str] | UnsetType = UNSET
    taken_with: Annotated[Raw, Meta(description=TAKEN_WITH)] | UnsetType = UNSET
    result: Json | UnsetType = UNSET
    error: str | UnsetType = UNSET
    error_detail: ErrorView | UnsetType = UNSET
    attempts: list[AttemptView] | UnsetType = UNSET
    progress: list[ProgressView] | UnsetType = UNSET
    redacted_at: Annotated[datetime, Meta(description=REDACTED)] | UnsetType = UNSET


class JobList(msgspec.Struct, frozen=True):
    """Newest first; or, when asked for by `ids`, in their order, `null` for an unknown one."""

    items: list[JobView | None]
    next_cursor: str | None


def view_of(job: Job, now: datetime, *, standing: Standing | None = None, with_attempts: bool = False) -> JobView:
    """`standing` is what `api.standings` finds out; without it the job says of itself where it stands."""
    error = job.error if job.status is Status.FAILED else None
    stands = standing or standing_of(job, now)
    return JobView(
        request_id=str(job.id),
        status=job.status,
        vendorType=job.vendor,
        priority=job.priority,
        created_at=job.created_at,
        updated_at=job.updated_at,
        run_at=job.run_at,
        deadline=job.deadline,
        links=Links(path_of(job), _callback_path(job)),
        stage=UNSET if stands is None else stands.stage,
        waiting_until=(stands and stands.waiting_until) or UNSET,
        estimated_start=(stands and stands.estimated_start) or UNSET,
        callback_url=job.callback_url or UNSET,
        metadata=job.metadata or UNSET,
        taken_with=UNSET if job.taken_with is None else Raw(job.taken_with),
        result=_result_view(job),
        error=UNSET if error is None else error.message,
        error_detail=UNSET if error is None else _error_view(error),
        attempts=[_attempt_view(attempt) for attempt in job.attempts] if with_attempts else UNSET,
        progress=_progress_view(job) if with_attempts and job.progress else UNSET,
        redacted_at=job.redacted_at or UNSET,
    )


def accepted_view(job: Job) -> AcceptedView:
    return AcceptedView(str(job.id), job.status, Links(path_of(job)))


def _callback_path(job: Job) -> str | UnsetType:
    return f"/jobs/{callback_id(job)}" if job.ended and job.callback_url else UNSET


def path_of(job: Job) -> str:
    return f"/jobs/{job.id}"


def etag_of(body: bytes) -> str:
    """A strong tag: the same bytes, the same tag."""
    return f'"{blake2b(body, digest_size=16).hexdigest()}"'


def weak_etag_of(view: JobView, standing: Standing) -> str:
    """A weak tag: what moves while the job stays as it is leaves it the same, or nobody could wait for a change."""
    waiting_until = UNSET if standing.moves else view.waiting_until
    fixed = msgspec.structs.replace(view, waiting_until=waiting_until, estimated_start=UNSET)
    return f"W/{etag_of(msgspec.json.encode(fixed))}"


def retry_after(job: Job, now: datetime, standing: Standing | None = None) -> str:
    """When asking again may tell more: at once for what runs, not before its time for what waits."""
    stands = standing or standing_of(job, now)
    until = None if stands is None else stands.waiting_until
    seconds = ceil((until - now).total_seconds()) if until else 1
    return str(min(max(seconds, 1), LONGEST_RETRY_AFTER_SECONDS))


def _result_view(job: Job) -> Raw | UnsetType:
    if job.redacted_at is not None and job.status is Status.COMPLETE:
        return Raw(b"null")
    return UNSET if job.result is None else Raw(job.result)


def _error_view(error: JobError) -> ErrorView:
    return ErrorView(error.code, error.vendor_status, error.attempts, error.retryable)


def _progress_view(job: Job) -> list[ProgressView]:
    return [ProgressView(said.at, said.status) for said in job.progress or ()]


def _attempt_view(attempt: Attempt) -> AttemptView:
    return AttemptView(
        number=attempt.number,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        worker=attempt.worker,
        outcome=attempt.outcome,
        vendor_status=attempt.vendor_status,
        latency_ms=attempt.latency_ms,
        counted=attempt.counted,
        apart=attempt.apart,
    )
