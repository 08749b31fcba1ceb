"""Jobs and bodies that several tests of the API speak of."""

from datetime import UTC, datetime, timedelta
from typing import Any

from domain.jobs import Attempt, AttemptOutcome, Job, JobError, Status
from tests.strategies import a_job

BODY: dict[str, Any] = {"vendorType": "sync", "vendorPayload": {"productId": "PROD-ABC-123"}}


def pending_job(**changes: Any) -> Job:
    """A job of the client `acme` that was submitted just now."""
    now = datetime.now(UTC).replace(microsecond=0)
    times = {"run_at": now, "deadline": now + timedelta(hours=24), "created_at": now, "updated_at": now}
    return a_job(**{**times, **changes})


def ended(job: Job, result: str = '{"status":"success"}') -> Job:
    return job.model_copy(update={"status": Status.COMPLETE, "epoch": job.epoch + 2, "result": result})


def failed(job: Job) -> Job:
    error = JobError(code="rejected", message="the vendor said no", vendor_status=400, attempts=1)
    begun = job.created_at
    attempt = Attempt(
        number=1,
        started_at=begun,
        ended_at=begun + timedelta(milliseconds=40),
        worker="w1",
        key="secret-ish",
        outcome=AttemptOutcome.FAILED,
        vendor_status=400,
        latency_ms=40.0,
    )
    return job.model_copy(
        update={"status": Status.FAILED, "epoch": job.epoch + 2, "error": error, "attempts": [attempt], "tries": 1}
    )
