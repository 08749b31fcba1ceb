"""`POST /notifications`: a service or an admin has a mail of an order sent, by hand. Most go out by themselves."""

from http import HTTPStatus

import msgspec
from litestar import post
from litestar.response.base import ASGIResponse

from api.callers import caller_of
from api.fields import fields_of
from api.headers import header
from api.notification_bodies import read_notification
from api.ports import NoticePorts
from api.provided import Ports, notices_of
from api.queries import read_query
from api.views import accepted_view, path_of, retry_after
from domain.commerce.notifying import ByHand, Wanted
from domain.edge.answers import AnyRequest
from domain.edge.bodies import read_body, require_json
from domain.fingerprints import fingerprint
from domain.ports import Accepted
from domain.submissions import read_idempotency_key
from domain.submitted_fields import to_milliseconds


@post("/notifications", status_code=HTTPStatus.ACCEPTED)
async def notify(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """Have a mail of an order sent and return at once: one for each event of an order, whoever asks and how often."""
    read_query(request.scope)
    desk = notices_of(ports)
    wanted = await _read(request, desk)
    by_hand = ByHand(desk.orders, desk.users, desk.post, desk.keys, desk.memory)
    return _accepted(await by_hand.send(wanted))


async def _read(request: AnyRequest, desk: NoticePorts) -> Wanted:
    """Raises what is wrong with it."""
    sent = header(request.scope, b"idempotency-key")
    key = None if sent is None else read_idempotency_key(sent)
    require_json(request.scope)
    body = await read_body(request.scope, request.receive)
    user, order, template = read_notification(await fields_of(body))
    return Wanted(
        user=user,
        order=order,
        template=template,
        client=caller_of(request).client,
        at=to_milliseconds(desk.clock()),
        fingerprint=fingerprint(body.decode()),
        idempotency_key=key,
    )


def _accepted(accepted: Accepted) -> ASGIResponse:
    job = accepted.job
    headers = {"Location": path_of(job), "Retry-After": retry_after(job, job.created_at)}
    if accepted.replayed:
        headers["Idempotency-Replayed"] = "true"
    return ASGIResponse(body=msgspec.json.encode(accepted_view(job)), status_code=HTTPStatus.ACCEPTED, headers=headers)
