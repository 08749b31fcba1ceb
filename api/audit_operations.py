"""What the route of the record takes and answers."""

from typing import Any

from api.account_views import AuditPage
from api.operation import Answer, Operation, Operations
from api.shared_parts import AUDIT_QUERY

_ENTRY: dict[str, Any] = {
    "id": "0198f0c2-7d00-7000-8000-3f1a5b2c4d6e",
    "at": "2026-11-21T09:00:00Z",
    "act": "vendor.paused",
    "actor": "admin",
    "subject": "vendor:sync",
    "address": "203.0.113.7",
    "trace_id": "9f86d081884c7d659a2feaa0c55ad015",
    "detail": {},
}

AUDIT_OPERATIONS: Operations = {
    ("get", "/audit"): Operation(
        id="list_acts",
        tag="audit",
        summary="List acts",
        description="Who did what, newest first. Admins only.",
        parameters=AUDIT_QUERY,
        answers=(
            Answer(
                200, "A page.", AuditPage, ("Link", "Cache-Control"), {"page": {"items": [_ENTRY], "next_cursor": None}}
            ),
        ),
        problems=(401, 403, 422, 500, 503),
    ),
}
