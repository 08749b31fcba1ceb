"""`GET /transactions`: what the processor took of the caller's payments, and gave back."""

from dataclasses import replace

import msgspec
from litestar import get
from litestar.response.base import ASGIResponse

from api.callers import caller_of
from api.cursors import Cursors
from api.orders import PRIVATE
from api.pages import Page, Query, link_to_next, read_cursor, read_limit
from api.payment_views import TransactionList, transaction_view
from api.provided import Ports, payments_of
from api.queries import query_fault, read_query, refuse
from domain.callers import Caller
from domain.edge.answers import AnyRequest
from domain.errors import FieldError
from domain.payments.ports import TransactionFilter
from domain.request_ids import read_request_id

PARAMETERS = ("payment_id", "limit", "cursor")


@get("/transactions")
async def list_transactions(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """List one's charges and refunds, newest first; an admin's list is everybody's."""
    query = read_query(request.scope, *PARAMETERS)
    which = _read_filter(query, caller_of(request))
    cursors, listed = Cursors(ports.cursor_secret), ("transactions", which.owner, which.payment)
    before = read_cursor(query, cursors, listed)
    found = await payments_of(ports).payments.list_transactions(replace(which, limit=which.limit + 1, before=before))
    page = Page.of(found, which.limit, cursors, listed)
    body = msgspec.json.encode(TransactionList([transaction_view(each) for each in page.items], page.next_cursor))
    return ASGIResponse(body=body, headers={**PRIVATE, **link_to_next("/transactions", query, page.next_cursor)})


def _read_filter(query: Query, caller: Caller) -> TransactionFilter:
    """Another's payment has no transactions that this caller may see, and no error of its own."""
    faults: list[FieldError] = []
    limit, text = read_limit(query, faults), query.get("payment_id")
    payment = None if text is None else read_request_id(text)
    if text is not None and payment is None:
        faults.append(query_fault("payment_id", "must be the id of a payment, a UUID in its 36 characters"))
    refuse(faults)
    return TransactionFilter(owner=caller.owner, limit=limit, payment=payment)
