"""What each route takes and answers, as the OpenAPI document tells it: one table, in the order of the contract."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.shared_parts import (
    EXPAND,
    IDEMPOTENCY_KEY,
    IF_NONE_MATCH,
    LIST_QUERY,
    PART,
    PREFER,
    REQUEST_ID,
    TRACEPARENT,
)
from api.submission_schema import EXAMPLES
from api.views import AcceptedView, JobList, JobView
from domain.edge.health import Health

Json = dict[str, Any]

_ID = "0198f0c2-7d00-7000-8000-3f1a5b2c4d6e"
_SELF = f"/jobs/{_ID}"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer that is no problem. Every answer carries `X-Request-ID`, so `headers` leaves it out."""

    status: int
    description: str
    model: type | None = None
    headers: tuple[str, ...] = ()
    examples: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    id: str
    tag: str
    summary: str
    description: str
    answers: tuple[Answer, ...]
    problems: tuple[int, ...]
    parameters: tuple[Json, ...] = ()
    body: Json | None = None
    public: bool = False


_ACCEPTED: Json = {"request_id": _ID, "status": "pending", "links": {"self": _SELF}}
_TIMES: Json = {
    "created_at": "2026-11-21T09:00:00Z",
    "updated_at": "2026-11-21T09:00:00.420Z",
    "run_at": "2026-11-21T09:00:00Z",
    "deadline": "2026-11-22T09:00:00Z",
}
_JOB: Json = {"request_id": _ID, "vendorType": "sync", "priority": "normal", **_TIMES, "links": {"self": _SELF}}
_COMPLETE: Json = {**_JOB, "status": "complete", "result": {"status": "success", "vendor": "syncVendor"}}
_RUNNING: Json = {**_JOB, "status": "processing", "stage": "calling_vendor"}
_FAILED: Json = {
    **_JOB,
    "status": "failed",
    "error": "the vendor said no (400)",
    "error_detail": {"code": "vendor_rejected", "vendor_status": 400, "attempts": 1, "retryable": True},
}

SUBMIT = Operation(
    id="submit_job",
    tag="jobs",
    summary="Accept a job",
    description="Stores the job durably, then answers. The vendor is called behind the answer's back.",
    parameters=(IDEMPOTENCY_KEY, PREFER, TRACEPARENT),
    body={"schema": {"$ref": "#/components/schemas/Submission"}, "examples": EXAMPLES},
    answers=(
        Answer(
            202,
            "Accepted, or found again under its key: the job is stored.",
            AcceptedView,
            ("Location", "Retry-After", "Idempotency-Replayed", "Preference-Applied"),
            {"accepted": _ACCEPTED},
        ),
        Answer(
            200,
            "With `Prefer: wait`: the job, which ended in time.",
            JobView,
            ("Location", "Idempotency-Replayed", "Preference-Applied"),
            {"complete": _COMPLETE},
        ),
    ),
    problems=(400, 401, 413, 415, 422, 500, 503),
)
LIST = Operation(
    id="list_jobs",
    tag="jobs",
    summary="List jobs",
    description="Newest first, by page; or exactly the jobs of `ids`, in their order.",
    parameters=LIST_QUERY,
    answers=(
        Answer(
            200, "A page.", JobList, ("Link", "Cache-Control"), {"page": {"items": [_COMPLETE], "next_cursor": None}}
        ),
    ),
    problems=(401, 422, 500, 503),
)
SHOW = Operation(
    id="show_job",
    tag="jobs",
    summary="Show a job",
    description="The job as it stands, however it stands: a failed job is a 200 too.",
    parameters=(REQUEST_ID, EXPAND, PREFER, IF_NONE_MATCH),
    answers=(
        Answer(
            200,
            "The job.",
            JobView,
            ("ETag", "Retry-After", "Preference-Applied", "Cache-Control"),
            {"processing": _RUNNING, "complete": _COMPLETE, "failed": _FAILED},
        ),
        Answer(304, "As the client has it.", None, ("ETag", "Retry-After", "Preference-Applied", "Cache-Control")),
    ),
    problems=(401, 404, 422, 500, 503),
)


def _health(name: str, summary: str, *, asks: bool = True) -> Operation:
    down = Answer(503, "A part does not answer.", Health, ("Retry-After", "Cache-Control"))
    return Operation(
        id=name,
        tag="health",
        summary=summary,
        description="Public. `parts` says which part answers, and how fast.",
        answers=(Answer(200, "Up.", Health, ("Cache-Control",)), *([down] if asks else [])),
        problems=(404, 500) if name == "health_part" else (500,),
        parameters=(PART,) if name == "health_part" else (),
        public=True,
    )


OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("post", "/jobs"): SUBMIT,
    ("get", "/jobs"): LIST,
    ("get", "/jobs/{request_id}"): SHOW,
    ("get", "/health"): _health("health", "Do all parts answer?"),
    ("get", "/health/live"): _health("health_live", "Is the process alive?", asks=False),
    ("get", "/health/ready"): _health("health_ready", "Do all parts answer, as a load balancer asks?"),
    ("get", "/health/{part}"): _health("health_part", "Does one part answer?"),
}
