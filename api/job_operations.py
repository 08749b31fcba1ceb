"""What the routes that submit and read jobs take and answer."""

from api.callback_schema import CALLBACKS
from api.job_examples import ACCEPTED, COMPLETE, FAILED, RUNNING
from api.operation import Answer, Operation, Operations
from api.shared_parts import EXPAND, IDEMPOTENCY_KEY, IF_NONE_MATCH, LIST_QUERY, PREFER, REQUEST_ID, TRACEPARENT
from api.submission_schema import EXAMPLES
from api.views import AcceptedView, JobList, JobView

_OF_A_JOB = ("Show", "Watch", "Cancel", "Retry", "Delete")

SUBMIT = Operation(
    id="submit_job",
    tag="jobs",
    summary="Accept a job",
    description="Stores the job durably, then answers. The vendor is called behind the answer's back.",
    parameters=(IDEMPOTENCY_KEY, PREFER, TRACEPARENT),
    body={"schema": {"$ref": "#/components/schemas/Submission"}, "examples": EXAMPLES},
    callbacks=CALLBACKS,
    answers=(
        Answer(
            202,
            "Accepted, or found again under its key: the job is stored.",
            AcceptedView,
            ("Location", "Retry-After", "Idempotency-Replayed", "Preference-Applied"),
            {"accepted": ACCEPTED},
            links=_OF_A_JOB,
        ),
        Answer(
            200,
            "With `Prefer: wait`: the job, which ended in time.",
            JobView,
            ("Location", "Idempotency-Replayed", "Preference-Applied"),
            {"complete": COMPLETE},
            links=_OF_A_JOB,
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
            200, "A page.", JobList, ("Link", "Cache-Control"), {"page": {"items": [COMPLETE], "next_cursor": None}}
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
            {"processing": RUNNING, "complete": COMPLETE, "failed": FAILED},
        ),
        Answer(304, "As the client has it.", None, ("ETag", "Retry-After", "Preference-Applied", "Cache-Control")),
    ),
    problems=(401, 404, 422, 500, 503),
)

JOB_OPERATIONS: Operations = {
    ("post", "/jobs"): SUBMIT,
    ("get", "/jobs"): LIST,
    ("get", "/jobs/{request_id}"): SHOW,
}
