"""`POST /payments/{payment_id}/refund`: the shop gives money back, at most what was captured, whoever asks at once."""

from http import HTTPStatus

import msgspec
from litestar import post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.callers import caller_of
from api.doers import record
from api.fields import fields_of
from api.headers import header
from api.orders import PRIVATE
from api.payment_bodies import read_asked_back
from api.payment_views import refund_view
from api.payments import find_payment, is_admin, now_of, taking
from api.ports import PaymentPorts
from api.provided import Ports
from api.queries import read_query
from domain.accounts.audit import Act
from domain.callers import Caller
from domain.edge.answers import AnyRequest
from domain.edge.bodies import read_body, require_json
from domain.errors import BadSyntax, FieldError
from domain.fingerprints import fingerprint
from domain.payments.giving_back import GivenBack, Wanted, give_back
from domain.payments.payments import Refund
from domain.submissions import read_idempotency_key

_NO_KEY = "is missing: it keeps a repeated request from giving back twice; send one of your own, such as a UUID"


@post("/payments/{payment_id:str}/refund", status_code=HTTPStatus.ACCEPTED)
async def refund(request: AnyRequest, payment_id: FromPath[str], ports: Ports) -> ASGIResponse:
    """Give back all that is left of a payment, or a part. Repeating the `Idempotency-Key` returns the first refund."""
    read_query(request.scope)
    desk, caller = taking(ports), caller_of(request)
    payment = await find_payment(request, payment_id, desk)
    wanted = await _read(request, desk)

    async def tell(refund: Refund) -> None:
        detail = {"amount": str(refund.amount), "currency": payment.total.currency, "refund": str(refund.id)}
        await record(request, ports, Act.PAYMENT_REFUNDED, f"payment:{payment.id}", **detail)

    given = await give_back(desk.payments, payment.id, caller.owner, wanted, tell)
    await desk.following.soon(given.payment, wanted.at)
    return _accepted(given, caller)


async def _read(request: AnyRequest, desk: PaymentPorts) -> Wanted:
    """Of a body that need not be there. Raises what is wrong with it."""
    key = _read_key(request)
    body = await read_body(request.scope, request.receive)
    if body:
        require_json(request.scope)
    body = body or b"{}"
    asked = read_asked_back(await fields_of(body))
    return Wanted(
        amount=asked.amount,
        currency=asked.currency,
        reason=asked.reason,
        by=caller_of(request).client,
        at=now_of(desk),
        idempotency_key=key,
        fingerprint=fingerprint(body.decode()),
    )


def _read_key(request: AnyRequest) -> str:
    sent = header(request.scope, b"idempotency-key")
    if sent is None:
        fault = FieldError("/headers/Idempotency-Key", _NO_KEY)
        raise BadSyntax(f"Idempotency-Key {_NO_KEY}", code="idempotency-key-missing", errors=(fault,))
    return read_idempotency_key(sent)


def _accepted(given: GivenBack, caller: Caller) -> ASGIResponse:
    headers = {**PRIVATE, "Location": f"/payments/{given.payment.id}", "Retry-After": "1"}
    if given.replayed:
        headers["Idempotency-Replayed"] = "true"
    view = refund_view(given.refund, given.payment, to_admin=is_admin(caller))
    return ASGIResponse(body=msgspec.json.encode(view), status_code=HTTPStatus.ACCEPTED, headers=headers)
