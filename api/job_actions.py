"""What a client may do to its job: cancel it, run it once more, delete it. All of it takes an id and no body."""

from datetime import UTC, datetime
from http import HTTPStatus
from uuid import UUID

import msgspec
from litestar import delete, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.addressed import read_job_id
from api.callers import caller_of
from api.doers import record_intervention
from api.fields import read_nothing
from api.ports import ApiPorts
from api.provided import Ports
from api.standings import find_standing
from api.views import path_of, retry_after, view_of
from domain.accounts.audit import Act
from domain.edge.answers import AnyRequest
from domain.jobs import Job


@post("/jobs/{request_id:str}/cancel", status_code=HTTPStatus.ACCEPTED)
async def cancel_job(request: AnyRequest, request_id: FromPath[str], ports: Ports) -> ASGIResponse:
    """End a job that has not ended; a call under way is not cut."""
    job_id = await _asked(request, request_id)
    await record_intervention(request, ports, Act.JOB_CANCELLED, job_id)
    job = await ports.control.cancel(job_id, caller_of(request).owner)
    return await _changed(job, ports)


@post("/jobs/{request_id:str}/retry", status_code=HTTPStatus.ACCEPTED)
async def retry_job(request: AnyRequest, request_id: FromPath[str], ports: Ports) -> ASGIResponse:
    """Run a failed or cancelled job once more."""
    job_id = await _asked(request, request_id)
    await record_intervention(request, ports, Act.JOB_RETRIED, job_id)
    job = await ports.control.retry(job_id, caller_of(request).owner)
    return await _changed(job, ports)


@delete("/jobs/{request_id:str}", status_code=HTTPStatus.NO_CONTENT)
async def delete_job(request: AnyRequest, request_id: FromPath[str], ports: Ports) -> None:
    """Forget an ended job, but for its idempotency key."""
    job_id = await _asked(request, request_id)
    await record_intervention(request, ports, Act.JOB_DELETED, job_id)
    await ports.control.delete(job_id, caller_of(request).owner)


async def _asked(request: AnyRequest, request_id: str) -> UUID:
    """The job that is meant. Raises what is wrong with the request."""
    await read_nothing(request)
    return read_job_id(request_id)


async def _changed(job: Job, ports: ApiPorts) -> ASGIResponse:
    """The job as `GET` shows it, with its new state."""
    now = datetime.now(UTC)
    standing = await find_standing(job, ports.vendor_states, now)
    headers = {"Location": path_of(job), "Cache-Control": "private, no-cache"}
    if not job.ended:
        headers["Retry-After"] = retry_after(job, now, standing)
    body = msgspec.json.encode(view_of(job, now, standing=standing))
    return ASGIResponse(body=body, status_code=HTTPStatus.ACCEPTED, headers=headers)
