"""`POST /orders/{order_id}/pay`: an order's payment is begun, once, and its buyer sent on to the processor's page."""

import time
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import msgspec
import structlog
from litestar import post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from msgspec import Meta

from api.callers import ask_again, caller_of
from api.doers import record
from api.fields import read_nothing
from api.orders import PRIVATE, read_order_id
from api.payments import nobody_takes_payments
from api.ports import ApiPorts, OrderPorts
from api.product_views import Id
from api.provided import Ports, orders_of
from domain.accounts.audit import Act
from domain.callers import Role
from domain.commerce.changing import no_such_order
from domain.commerce.orders import Order, Status, Step
from domain.commerce.paying import begin_payment, refuse_unpayable
from domain.commerce.payments import Known, cannot_be_paid, known_of, taken_with
from domain.commerce.short_links import path_of_code
from domain.edge.answers import AnyRequest
from domain.errors import Conflict, Invalid, Unavailable
from domain.jobs import Job
from domain.jobs import Status as JobStatus
from domain.submitted_fields import to_milliseconds

PAID = "this order is paid already"
FAILED = "the payment failed, and the order is cancelled with it; place another order"

log = structlog.get_logger()


class OrderPaymentView(msgspec.Struct, frozen=True):
    """The payment of an order that is to be paid, and where."""

    request_id: Annotated[Id, Meta(description="Of the payment's job.")]
    payment_id: Id
    redirect_url: Annotated[str | None, Meta(description="The processor's page; null: it has not said yet, ask again.")]
    short_url: Annotated[str | None, Meta(description="Leads there too, where such a link may be made.")]


@post("/orders/{order_id:str}/pay", status_code=HTTPStatus.OK)
async def pay(request: AnyRequest, order_id: FromPath[str], ports: Ports) -> ASGIResponse:
    """Begin an order's payment; the one that is under way, where one is."""
    await read_nothing(request)
    desk, caller, asked = orders_of(ports), caller_of(request), read_order_id(order_id)
    if not desk.takes_payments:  # before the order names a payment: it would wait for one that nobody makes
        raise nobody_takes_payments()
    step = Step(at=to_milliseconds(desk.clock()), status=Status.AWAITING_PAYMENT, by=caller.client)
    if caller.role is Role.ADMIN:
        await record(request, ports, Act.ORDER_MOVED, f"order:{asked}", status=step.status.value)
    order = await begin_payment(desk.orders, asked, caller.owner, step)
    order = await desk.following.soon(order, step.at)
    job = None if order.payment is None else await _taken(ports, order.payment, desk.patience_seconds)
    await ask_again(request)  # a lock, a logout or a revocation does not wait for who waits
    if job is not None and job.ended:
        raise await _over(desk, order, job)
    return await _shown(desk, order, job)


async def _taken(ports: ApiPorts, payment: UUID, seconds: float) -> Job | None:
    """The payment's job, once the processor has taken it, or as it stands after so long."""
    ends = time.monotonic() + seconds
    job = await ports.jobs.find(payment, None)
    while (
        job is not None and _is_awaited(job) and not ports.stopping.is_set() and (left := ends - time.monotonic()) > 0
    ):
        job = await ports.jobs.wait_for_change(job, left)
    return job


def _is_awaited(job: Job) -> bool:
    return job.taken_with is None and not job.ended


async def _over(desk: OrderPorts, order: Order, job: Job) -> Conflict:
    """Why nobody can pay it: by the order, where that was told already, else by the payment itself."""
    now = await desk.orders.find(order.id, None)
    if now is None:
        raise no_such_order()
    known = known_of(job)
    if job.status is JobStatus.FAILED and known is Known.UNPAID:
        return cannot_be_paid(FAILED)
    refuse_unpayable(now, desk.clock())
    if known is Known.PAID:
        return cannot_be_paid(PAID)
    return cannot_be_paid("nobody knows yet what became of this order's payment; look at the order again later")


async def _shown(desk: OrderPorts, order: Order, job: Job | None) -> ASGIResponse:
    taken = None if job is None else taken_with(job)
    redirect_url = None if taken is None else taken.redirect_url
    short_url = None if redirect_url is None else await _short(desk, order, redirect_url)
    payment = str(order.payment)
    body = msgspec.json.encode(OrderPaymentView(payment, payment, redirect_url, short_url))
    known = redirect_url is not None
    headers = {**PRIVATE, "Location": f"/jobs/{payment}", **({} if known else {"Retry-After": "1"})}
    return ASGIResponse(body=body, status_code=HTTPStatus.OK if known else HTTPStatus.ACCEPTED, headers=headers)


async def _short(desk: OrderPorts, order: Order, url: str) -> str | None:
    """The same for the same payment. A link is no reason to keep anybody from paying."""
    if desk.short_links is None:
        return None
    try:
        code = await desk.short_links.make(url, to_milliseconds(desk.clock()), key=f"payment:{order.payment}")
    except (Invalid, Unavailable) as fault:
        log.warning("no short link to a payment's page", order_id=str(order.id), fault=fault.detail)
        return None
    return f"{desk.public_base}{path_of_code(code)}"
