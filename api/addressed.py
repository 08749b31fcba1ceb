"""The job that a path names, and what a query asks to see of it."""

from uuid import UUID

from api.callers import caller_of
from api.queries import query_fault, read_query, refuse
from domain.edge.answers import AnyRequest
from domain.errors import NotFound
from domain.jobs import Job
from domain.ports import JobReader
from domain.request_ids import read_request_id


def read_job_id(text: str) -> UUID:
    """Raises `NotFound`: what is no id names no job."""
    job_id = read_request_id(text)
    if job_id is None:
        raise no_such_job()
    return job_id


async def find_job(request: AnyRequest, request_id: str, jobs: JobReader) -> Job:
    """The caller's job. Raises `NotFound`, for another's too."""
    job = await jobs.find(read_job_id(request_id), caller_of(request).owner)
    if job is None:
        raise no_such_job()
    return job


def reads_attempts(request: AnyRequest) -> bool:
    """Whether `?expand=attempts` asks for the timeline; any other query is refused."""
    expand = read_query(request.scope, "expand").get("expand")
    refuse([query_fault("expand", "must be attempts")] if expand not in (None, "attempts") else [])
    return expand is not None


def no_such_job() -> NotFound:
    return NotFound("Job not found")
