"""What the routes that change jobs, many jobs, or watch one take and answer."""

from api.batches import BatchView
from api.job_examples import ACCEPTED, CANCELLED, PENDING
from api.operation import Answer, Json, Operation, Operations
from api.replays import ReplayView
from api.shared_parts import EXPAND, LAST_EVENT_ID, NOTHING, REQUEST_ID, TRACEPARENT
from api.submission_schema import BATCH, BATCH_EXAMPLES, REPLAY, REPLAY_EXAMPLES
from api.views import JobView

_OF_ONE_JOB = (400, 401, 404, 409, 413, 415, 422, 500, 503)
_EVENT: Json = {
    "type": "object",
    "description": "One of the stream's events.",
    "required": ["event", "id", "data"],
    "properties": {
        "event": {"const": "state"},
        "id": {"type": "string", "description": "The job's version.", "pattern": "^[0-9]+$"},
        "data": {"type": "string", "description": "The job, as GET shows it.", "contentMediaType": "application/json"},
    },
}
_STREAM: Json = {"event": "state", "id": "2", "data": "{…the job, as GET shows it…}"}

BATCH_OPERATION = Operation(
    id="submit_batch",
    tag="jobs",
    summary="Accept many jobs",
    description="Each job is accepted or refused for itself, so a bad one fails alone. With one `idempotency_key` they "
    "are one job. In a `problem` the pointers lead into that job, not into the whole body. Only a body that is not "
    "JSON, or no batch, is refused as a whole; so is the header `Idempotency-Key` (400).",
    parameters=(TRACEPARENT,),
    body={"schema": BATCH, "examples": BATCH_EXAMPLES},
    answers=(
        Answer(
            200,
            "What became of each job, in their order. `replayed`: the key came before, and this is the first job.",
            BatchView,
            (),
            {"accepted": {"results": [{"status": 202, "request_id": ACCEPTED["request_id"]}]}},
        ),
    ),
    problems=(400, 401, 413, 415, 422, 500, 503),
)
WATCH = Operation(
    id="watch_job",
    tag="jobs",
    summary="Watch a job",
    description="Server-sent events: the state now and each later one; the stream ends after the terminal state. "
    "`id` is the job's version, `data` the job as `GET` shows it. States in between may be skipped. A comment "
    "every 15 s keeps the connection. When the process stops the stream ends early: come back with `Last-Event-ID`.",
    parameters=(REQUEST_ID, EXPAND, LAST_EVENT_ID),
    answers=(
        Answer(
            200,
            "The stream.",
            headers=("Cache-Control", "X-Accel-Buffering"),
            examples={"state": _STREAM},
            media_type="text/event-stream",
            schema=_EVENT,
        ),
        Answer(204, "The client has the terminal state already; it need not come back."),
    ),
    problems=(401, 404, 422, 500, 503),
)
CANCEL = Operation(
    id="cancel_job",
    tag="jobs",
    summary="Cancel a job",
    description="Ends a job that has not ended. A call that has been sent is not cut: its late answer is kept on the "
    "timeline and changes nothing, as does a late webhook. A vendor that takes cancels is told.",
    parameters=(REQUEST_ID,),
    body=NOTHING,
    body_required=False,
    answers=(Answer(202, "The job, cancelled.", JobView, ("Location", "Cache-Control"), {"cancelled": CANCELLED}),),
    problems=_OF_ONE_JOB,
)
RETRY = Operation(
    id="retry_job",
    tag="jobs",
    summary="Run a job once more",
    description="For failed and cancelled jobs. The vendor gets a new idempotency key where the failure is known, and "
    "the same one where it may have acted. While a cancelled job's call is under way: 409 with the code "
    "`call-under-way`, try again when it has ended. One with a `redacted_at` has no payload left: 409 with the code "
    "`job-redacted`, submit it anew.",
    parameters=(REQUEST_ID,),
    body=NOTHING,
    body_required=False,
    answers=(
        Answer(202, "The job, pending.", JobView, ("Location", "Retry-After", "Cache-Control"), {"pending": PENDING}),
    ),
    problems=_OF_ONE_JOB,
)
DELETE = Operation(
    id="delete_job",
    tag="jobs",
    summary="Delete a job",
    description="For jobs that have ended. The idempotency key lives on for as long as it would have, at least 24 h: a "
    "repeat is answered with 202, the old id and `Idempotency-Replayed: true`, and runs nothing. While a cancelled "
    "job's call is under way, or its vendor is still to be told: 409 (`call-under-way`, `vendor-untold`).",
    parameters=(REQUEST_ID,),
    body=NOTHING,
    body_required=False,
    answers=(Answer(204, "It is gone."),),
    problems=_OF_ONE_JOB,
)
REPLAY_OPERATION = Operation(
    id="replay_jobs",
    tag="jobs",
    summary="Run many jobs once more",
    description="Admins only. Retries everybody's jobs that match, the oldest first. `from` and `to` bound when they "
    "were created, `to` excluded. Redacted jobs match nothing: they have no payload left.",
    body={"schema": REPLAY, "examples": REPLAY_EXAMPLES},
    answers=(
        Answer(
            200,
            "`matched`: how many there are. `queued`: how many of them run again; one call looks at 10,000 at most, so "
            "repeat it until little is left. Those whose call is still under way are left out.",
            ReplayView,
            (),
            {"counted": {"matched": 1200, "queued": 0, "dry_run": True}},
        ),
    ),
    problems=(400, 401, 403, 413, 415, 422, 500, 503),
)

JOB_CONTROL_OPERATIONS: Operations = {
    ("post", "/jobs/batch"): BATCH_OPERATION,
    ("get", "/jobs/{request_id}/events"): WATCH,
    ("post", "/jobs/{request_id}/cancel"): CANCEL,
    ("post", "/jobs/{request_id}/retry"): RETRY,
    ("delete", "/jobs/{request_id}"): DELETE,
    ("post", "/jobs/replay"): REPLAY_OPERATION,
}
