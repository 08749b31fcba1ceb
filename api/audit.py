"""`GET /audit`: the record of who did what, for admins."""

from dataclasses import replace

import msgspec
from litestar import get
from litestar.response.base import ASGIResponse

from api.account_views import AuditPage, entry_view
from api.cursors import Cursors
from api.pages import Page, Query, link_to_next, read_cursor, read_limit
from api.provided import Ports, accounts_of
from api.queries import query_fault, read_query, refuse
from domain.accounts.audit import Act
from domain.accounts.ports import AuditFilter
from domain.edge.answers import AnyRequest
from domain.errors import FieldError

PARAMETERS = ("actor", "subject", "act", "limit", "cursor")


@get("/audit")
async def list_acts(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """List acts, newest first."""
    query = read_query(request.scope, *PARAMETERS)
    which = _read_filter(query)
    cursors = Cursors(ports.cursor_secret)
    listed = ("audit", (which.actor, which.subject, which.act))
    before = read_cursor(query, cursors, listed)
    found = await accounts_of(ports).audit.list(replace(which, limit=which.limit + 1, before=before))
    page = Page.of(found, which.limit, cursors, listed)
    body = msgspec.json.encode(AuditPage([entry_view(entry) for entry in page.items], page.next_cursor))
    headers = {"Cache-Control": "no-store", **link_to_next("/audit", query, page.next_cursor)}
    return ASGIResponse(body=body, headers=headers)


def _read_filter(query: Query) -> AuditFilter:
    faults: list[FieldError] = []
    limit, act = read_limit(query, faults), query.get("act")
    if act is not None and act not in set(Act):
        faults.append(query_fault("act", f"must be one of {', '.join(Act)}"))
    refuse(faults)
    return AuditFilter(
        limit=limit,
        actor=query.get("actor"),
        subject=query.get("subject"),
        act=None if act is None else Act(act),
    )
