"""`/orders`: what callers order, each seeing their own; admins see everybody's, and send them on their way."""

from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from uuid import UUID

import msgspec
from litestar import get, patch, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.callers import caller_of
from api.cursors import Cursors
from api.doers import record
from api.fields import Fields, read_fields
from api.headers import header, tags_asked
from api.order_bodies import read_items, read_move, read_why
from api.order_views import OrderList, order_view, short_problem
from api.pages import Page, Query, link_to_next, read_cursor, read_limit
from api.ports import OrderPorts
from api.provided import Ports, orders_of
from api.queries import query_fault, read_query, refuse
from domain.accounts.audit import Act
from domain.callers import Caller, Role
from domain.commerce.advancing import advance_order
from domain.commerce.cancelling import cancel_order
from domain.commerce.changing import no_such_order
from domain.commerce.drafts import Draft
from domain.commerce.moving import tag_of
from domain.commerce.orders import Order, Status, Step
from domain.commerce.placing import OutOfStock, Placed, place_order
from domain.commerce.ports import OrderFilter
from domain.edge.answers import AnyRequest
from domain.edge.bodies import read_body, require_json
from domain.edge.problems import MEDIA_TYPE, Where, problem
from domain.edge.request_ids import request_id_of
from domain.errors import FieldError
from domain.fingerprints import fingerprint
from domain.json_text import read_object
from domain.request_ids import new_request_id, read_request_id
from domain.submissions import read_idempotency_key
from domain.submitted_fields import to_milliseconds

PARAMETERS = ("status", "limit", "cursor")
PRIVATE = {"Cache-Control": "private, no-cache"}


@post("/orders", status_code=HTTPStatus.CREATED)
async def place(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """Order what is in stock, all of it or nothing. Repeating an `Idempotency-Key` returns the first order."""
    read_query(request.scope)
    desk = orders_of(ports)
    draft = await _read_draft(request, desk)
    try:
        placed = await place_order(desk.orders, draft)
    except OutOfStock as fault:
        return _short(request, fault)
    return _placed(placed, caller_of(request))


@get("/orders")
async def list_orders(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """List one's orders, newest first; an admin's list is everybody's."""
    query = read_query(request.scope, *PARAMETERS)
    caller = caller_of(request)
    which = _read_filter(query, caller)
    cursors, listed = Cursors(ports.cursor_secret), ("orders", which.owner, which.status)
    before = read_cursor(query, cursors, listed)
    found = await orders_of(ports).orders.list(replace(which, limit=which.limit + 1, before=before))
    page = Page.of(found, which.limit, cursors, listed)
    views = [order_view(order, to_admin=_is_admin(caller)) for order in page.items]
    body = msgspec.json.encode(OrderList(views, page.next_cursor))
    return ASGIResponse(body=body, headers={**PRIVATE, **link_to_next("/orders", query, page.next_cursor)})


@get("/orders/{order_id:str}")
async def show_order(request: AnyRequest, order_id: FromPath[str], ports: Ports) -> ASGIResponse:
    """Show an order."""
    read_query(request.scope)
    caller = caller_of(request)
    order = await orders_of(ports).orders.find(read_order_id(order_id), caller.owner)
    if order is None:
        raise no_such_order()
    return shown(order, caller)


@post("/orders/{order_id:str}/cancel", status_code=HTTPStatus.OK)
async def cancel(request: AnyRequest, order_id: FromPath[str], ports: Ports) -> ASGIResponse:
    """End an order that is not paid, and give its stock back, once."""
    read_query(request.scope)
    desk, caller = orders_of(ports), caller_of(request)
    asked = read_order_id(order_id)
    step = Step(at=_now(desk), status=Status.CANCELLED, by=caller.client, why=await read_why(request))
    if _is_admin(caller):
        await record(request, ports, Act.ORDER_MOVED, f"order:{asked}", status=step.status.value)
    order = await cancel_order(desk.orders, asked, caller.owner, step)
    return shown(await desk.following.soon(order, step.at), caller)


@patch("/orders/{order_id:str}")
async def advance(request: AnyRequest, order_id: FromPath[str], ports: Ports) -> ASGIResponse:
    """Send an order on its way; with `If-Match`, only where it has not moved meanwhile."""
    read_query(request.scope)
    desk, caller = orders_of(ports), caller_of(request)
    asked = read_order_id(order_id)
    status, why = read_move(await read_fields(request))
    step = Step(at=_now(desk), status=status, by=caller.client, why=why)
    await record(request, ports, Act.ORDER_MOVED, f"order:{asked}", status=status.value)
    order = await advance_order(desk.orders, asked, step, tags_asked(request.scope))
    return shown(await desk.following.soon(order, step.at), caller)


def read_order_id(text: str) -> UUID:
    """Raises `NotFound`: what is no id names no order."""
    order_id = read_request_id(text)
    if order_id is None:
        raise no_such_order()
    return order_id


def shown(order: Order, caller: Caller) -> ASGIResponse:
    body = msgspec.json.encode(order_view(order, to_admin=_is_admin(caller)))
    return ASGIResponse(body=body, headers={**PRIVATE, "ETag": tag_of(order)})


async def _read_draft(request: AnyRequest, desk: OrderPorts) -> Draft:
    """Raises what is wrong with it."""
    sent = header(request.scope, b"idempotency-key")
    key = None if sent is None else read_idempotency_key(sent)
    require_json(request.scope)
    body = await read_body(request.scope, request.receive)
    items = read_items(Fields(read_object(body)))
    caller, now = caller_of(request), _now(desk)
    return Draft(
        id=new_request_id(),
        client=caller.client,
        items=items,
        at=now,
        expires_at=now + desk.lifetime,
        user=caller.user,
        idempotency_key=key,
        fingerprint=fingerprint(body.decode()),
    )


def _read_filter(query: Query, caller: Caller) -> OrderFilter:
    faults: list[FieldError] = []
    limit, text = read_limit(query, faults), query.get("status")
    if text is not None and text not in set(Status):
        faults.append(query_fault("status", f"must be one of {', '.join(Status)}"))
    refuse(faults)
    return OrderFilter(owner=caller.owner, limit=limit, status=None if text is None else Status(text))


def _placed(placed: Placed, caller: Caller) -> ASGIResponse:
    order = placed.order
    headers = {**PRIVATE, "Location": f"/orders/{order.id}", "ETag": tag_of(order)}
    if placed.replayed:
        headers["Idempotency-Replayed"] = "true"
    body = msgspec.json.encode(order_view(order, to_admin=_is_admin(caller)))
    return ASGIResponse(body=body, status_code=HTTPStatus.CREATED, headers=headers)


def _short(request: AnyRequest, fault: OutOfStock) -> ASGIResponse:
    """A problem like any other, and beside it what is short, for programs (RFC 9457, section 3.2)."""
    where = Where(request.url.path, request_id_of(request.scope))
    told = problem(HTTPStatus.CONFLICT, fault.code, fault.detail, where, fault.errors)
    body = msgspec.json.encode(short_problem(told, list(fault.short)))
    return ASGIResponse(body=body, status_code=HTTPStatus.CONFLICT, media_type=MEDIA_TYPE)


def _is_admin(caller: Caller) -> bool:
    return caller.role is Role.ADMIN


def _now(desk: OrderPorts) -> datetime:
    return to_milliseconds(desk.clock())
