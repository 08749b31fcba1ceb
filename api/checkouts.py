"""
`POST /payments/customers` and `/payments/checkout`: what the processor makes at once, by a job that is waited for.

Answered is what the processor said, byte for byte. Its explicit no is a problem in its own words; whatever else became
of the job is told by the job, since a vendor's trouble is no 5xx of ours.
"""

from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus

import msgspec
from litestar import post
from litestar.response.base import ASGIResponse

from api.callers import ask_again, caller_of
from api.fields import read_fields
from api.orders import PRIVATE
from api.payment_bodies import read_checkout, read_customer
from api.payments import now_of, taking
from api.ports import ApiPorts, PaymentPorts
from api.provided import Ports
from api.queries import read_query
from api.views import accepted_view, path_of, retry_after
from domain.edge.answers import AnyRequest
from domain.edge.problems import MEDIA_TYPE, Where, problem
from domain.edge.request_ids import request_id_of
from domain.errors import Unavailable
from domain.jobs import Job, JobError, Status
from domain.payments.jobs import customer_job, page_job
from domain.payments.payments import Payment
from domain.payments.processing import page_begun
from domain.request_ids import new_request_id

JOB_HEADER = "Gateway-Job-Id"
PAYMENT_HEADER = "Gateway-Payment-Id"

_NOT_CHARGEABLE = "amount_not_chargeable"  # said before anything is sent, so without a status of the processor's
# An explicit no to what was asked: not our key (401), our rights (403), our haste (408, 425, 429) or a repeat (409).
_REFUSALS = frozenset({400, 404, 405, 410, 413, 415, 422})


@post("/payments/customers", status_code=HTTPStatus.CREATED)
async def make_customer(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """Make a customer at the processor, and answer with the processor's object."""
    read_query(request.scope)
    desk = taking(ports)
    asked = read_customer(await read_fields(request))
    job = customer_job(caller_of(request).client, asked, now_of(desk))
    await desk.jobs.put(job)
    return await _come_to(request, ports, desk, job, {})


@post("/payments/checkout", status_code=HTTPStatus.CREATED)
async def open_checkout(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """Open a page at the processor to pay on, and answer with the processor's object, which has its `url`."""
    read_query(request.scope)
    desk = taking(ports)
    now = now_of(desk)
    total, page = read_checkout(await read_fields(request), desk.pages)
    draft = Payment(
        id=new_request_id(), client=caller_of(request).client, total=total, page=page, created_at=now, updated_at=now
    )
    payment = await desk.payments.add(page_begun(draft))
    await desk.following.soon(payment, now)
    return await _come_to(request, ports, desk, page_job(payment, now), {PAYMENT_HEADER: str(payment.id)})


async def _come_to(
    request: AnyRequest, ports: ApiPorts, desk: PaymentPorts, job: Job, about: Mapping[str, str]
) -> ASGIResponse:
    with suppress(Unavailable):  # it is stored, whatever else fails now: the answer must not invite a second one
        job = await ports.jobs.wait_until_ended(job.id, job.client, desk.patience_seconds) or job
    await ask_again(request)  # a lock, a logout or a revocation does not wait for who waits
    headers = {**PRIVATE, JOB_HEADER: str(job.id), **about, "Location": path_of(job)}
    if job.status is Status.COMPLETE and job.result is not None:
        return ASGIResponse(body=job.result.encode(), status_code=HTTPStatus.CREATED, headers=headers)
    refused = None if job.error is None else _refusal(job.error)
    if job.status is Status.FAILED and job.error is not None and refused is not None:
        return _problem(request, refused, job.error, headers)
    headers["Retry-After"] = retry_after(job, job.created_at)
    body = msgspec.json.encode(accepted_view(job))
    return ASGIResponse(body=body, status_code=HTTPStatus.ACCEPTED, headers=headers)


def _refusal(error: JobError) -> HTTPStatus | None:
    """None: nobody said no to this request, or not to it."""
    if error.vendor_status == HTTPStatus.PAYMENT_REQUIRED:
        return HTTPStatus.PAYMENT_REQUIRED
    refused = error.vendor_status in _REFUSALS or error.code == _NOT_CHARGEABLE
    return HTTPStatus.UNPROCESSABLE_ENTITY if refused else None


def _problem(request: AnyRequest, status: HTTPStatus, error: JobError, headers: dict[str, str]) -> ASGIResponse:
    where = Where(request.url.path, request_id_of(request.scope))
    body = msgspec.json.encode(problem(status, error.code, error.message, where))
    return ASGIResponse(body=body, status_code=status, media_type=MEDIA_TYPE, headers=headers)
