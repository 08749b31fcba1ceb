"""`/payments`: what callers are to pay and how it stands, each seeing their own; who gives back is in `api.refunds`."""

from datetime import datetime, timedelta
from http import HTTPStatus
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.callers import caller_of
from api.doers import record
from api.fields import fields_of, read_fields
from api.headers import header, known_tags
from api.orders import PRIVATE
from api.payment_bodies import read_payment, read_try, read_try_of_one
from api.payment_views import payment_view, status_view, tag_of, try_view
from api.ports import ApiPorts, PaymentPorts
from api.provided import Ports, payments_of
from api.queries import read_query
from domain.accounts.audit import Act
from domain.callers import Caller, Role
from domain.edge.answers import AnyRequest
from domain.edge.bodies import read_body, require_json
from domain.errors import Unavailable
from domain.fingerprints import fingerprint
from domain.payments.changing import change_payment, no_such_payment
from domain.payments.making import Made, make_payment
from domain.payments.payments import Payment
from domain.payments.processing import begun
from domain.request_ids import new_request_id, read_request_id
from domain.submissions import read_idempotency_key
from domain.submitted_fields import to_milliseconds

_NOT_CONFIGURED = "payments are not set up here; whoever runs this gateway has to set STRIPE_SECRET_KEY"


@post("/payments", status_code=HTTPStatus.CREATED)
async def make(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """Put on record what is to be paid; nobody is charged by it. Repeating an `Idempotency-Key` returns the first."""
    read_query(request.scope)
    desk = taking(ports)
    draft = await _read_draft(request, desk)
    return _made(await make_payment(desk.payments, draft), caller_of(request))


@post("/payments/process", status_code=HTTPStatus.ACCEPTED)
async def process_named(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """Try a payment, which the body names, with a way to pay."""
    read_query(request.scope)
    taking(ports)
    payment_id, payment_method = read_try_of_one(await read_fields(request))
    return await _tried(request, ports, payment_id, payment_method)


@post("/payments/{payment_id:str}/process", status_code=HTTPStatus.ACCEPTED)
async def process(request: AnyRequest, payment_id: FromPath[str], ports: Ports) -> ASGIResponse:
    """Try a payment with a way to pay; while one is under way, that one is answered."""
    read_query(request.scope)
    payment = await find_payment(request, payment_id, taking(ports))
    return await _tried(request, ports, payment.id, read_try(await read_fields(request)))


@get("/payments/{payment_id:str}")
async def show_payment(request: AnyRequest, payment_id: FromPath[str], ports: Ports) -> ASGIResponse:
    """Show a payment with its refunds."""
    read_query(request.scope)
    payment = await find_payment(request, payment_id, payments_of(ports))
    body = msgspec.json.encode(payment_view(payment, to_admin=is_admin(caller_of(request))))
    return _shown(request, payment, body)


@get("/payments/{payment_id:str}/status")
async def show_payment_status(request: AnyRequest, payment_id: FromPath[str], ports: Ports) -> ASGIResponse:
    """Show how a payment stands."""
    read_query(request.scope)
    payment = await find_payment(request, payment_id, payments_of(ports))
    return _shown(request, payment, msgspec.json.encode(status_view(payment)))


def taking(ports: ApiPorts) -> PaymentPorts:
    """For routes that begin something. Raises `Unavailable` where nobody set up who takes payments."""
    desk = payments_of(ports)
    if not desk.takes_payments:
        raise nobody_takes_payments()
    return desk


def nobody_takes_payments() -> Unavailable:
    return Unavailable(_NOT_CONFIGURED, code="payments-not-configured", retry_after=timedelta(minutes=1))


async def find_payment(request: AnyRequest, text: str, desk: PaymentPorts) -> Payment:
    """Raises `NotFound`: another's too, and what is no id names none."""
    payment_id = read_request_id(text)
    payment = None if payment_id is None else await desk.payments.find(payment_id, caller_of(request).owner)
    if payment is None:
        raise no_such_payment()
    return payment


def is_admin(caller: Caller) -> bool:
    return caller.role is Role.ADMIN


def now_of(desk: PaymentPorts) -> datetime:
    return to_milliseconds(desk.clock())


async def _read_draft(request: AnyRequest, desk: PaymentPorts) -> Payment:
    """Raises what is wrong with it."""
    sent = header(request.scope, b"idempotency-key")
    key = None if sent is None else read_idempotency_key(sent)
    require_json(request.scope)
    body = await read_body(request.scope, request.receive)
    ordered, now = read_payment(await fields_of(body)), now_of(desk)
    return Payment(
        id=new_request_id(),
        client=caller_of(request).client,
        total=ordered.total,
        method=ordered.method,
        details=ordered.details,
        idempotency_key=key,
        fingerprint=fingerprint(body.decode()),
        created_at=now,
        updated_at=now,
    )


def _made(made: Made, caller: Caller) -> ASGIResponse:
    payment = made.payment
    headers = {**PRIVATE, "Location": f"/payments/{payment.id}", "ETag": tag_of(payment)}
    if made.replayed:
        headers["Idempotency-Replayed"] = "true"
    body = msgspec.json.encode(payment_view(payment, to_admin=is_admin(caller)))
    return ASGIResponse(body=body, status_code=HTTPStatus.CREATED, headers=headers)


async def _tried(request: AnyRequest, ports: ApiPorts, payment_id: UUID, payment_method: str) -> ASGIResponse:
    desk, caller = payments_of(ports), caller_of(request)
    now = now_of(desk)
    if is_admin(caller):
        await record(request, ports, Act.PAYMENT_TRIED, f"payment:{payment_id}")
    payment = await change_payment(
        desk.payments, payment_id, caller.owner, lambda payment: begun(payment, payment_method, now)
    )
    payment = await desk.following.soon(payment, now)
    headers = {**PRIVATE, "Location": f"/payments/{payment.id}", "Retry-After": "1"}
    return ASGIResponse(body=msgspec.json.encode(try_view(payment)), status_code=HTTPStatus.ACCEPTED, headers=headers)


def _shown(request: AnyRequest, payment: Payment, body: bytes) -> ASGIResponse:
    """Not sent again to who has it; tags are compared as RFC 9110, section 13.1.2, wants it."""
    headers, known = {**PRIVATE, "ETag": tag_of(payment)}, known_tags(request.scope)
    if tag_of(payment) in known or "*" in known:
        return ASGIResponse(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return ASGIResponse(body=body, headers=headers)
