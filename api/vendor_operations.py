"""What the vendors' routes take and answer."""

from typing import Any

from api.operation import Answer, Json, Operation, Operations
from api.shared_parts import IF_MATCH, VENDOR_NAME
from api.vendor_bodies import LONGEST_LIMIT
from api.vendor_views import ControlView, VendorList, VendorView
from domain.limit_notation import MOST_CALLS
from domain.vendor_control import LEAST_TIMEOUT_SECONDS, LONGEST_TIMEOUT_SECONDS, MOST_ATTEMPTS

_RULES: dict[str, Any] = {
    "limit": "50/second",
    "concurrency": None,
    "timeout_seconds": 10.0,
    "attempts": 3,
    "table": {"limit": "100/second", "concurrency": None, "timeout_seconds": 10.0, "attempts": 5},
    "overridden": ["limit", "attempts"],
    "version": 2,
    "changed_by": "admin",
    "changed_at": "2026-11-21T08:59:00Z",
}
_VENDOR: dict[str, Any] = {
    "name": "sync",
    "paused": False,
    "closed_until": None,
    "breaker": {"state": "closed", "until": None, "failures": 0},
    "next_start": "2026-11-21T09:00:00.520Z",
    "windows": [{"amount": 50, "seconds": 1.025, "used": 50}],
    **_RULES,
    "running": 12,
    "queued": 1040,
    "due": 1000,
    "oldest_due_seconds": 4.2,
    "estimated_drain_seconds": 21.0,
    "recent_calls": 500,
    "error_rate": 0.02,
    "p50_ms": 180.0,
    "p95_ms": 410.0,
    "p99_ms": 900.0,
    "starts_per_second": 48.9,
    "instances": None,
}
_AT_TWO: list[dict[str, Any]] = [
    {"url": f"https://{name}.acme.example", "weight": 1, "breaker": breaker}
    for name, breaker in (
        ("a", {"state": "closed", "until": None, "failures": 0}),
        ("b", {"state": "open", "until": "2026-11-21T09:00:05Z", "failures": 5}),
    )
]
_VENDOR_ANSWER = Answer(
    200, "The vendor.", VendorView, ("Cache-Control", "ETag"), {"vendor": {**_VENDOR, "instances": _AT_TWO}}
)
_PATCH: Json = {
    "schema": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "limit": {
                "type": ["string", "null"],
                "maxLength": LONGEST_LIMIT,
                "description": "In the notation of the `limits` library.",
            },
            "concurrency": {"type": ["integer", "null"], "minimum": 1, "maximum": MOST_CALLS},
            "timeout_seconds": {
                "type": ["number", "null"],
                "minimum": LEAST_TIMEOUT_SECONDS,
                "maximum": LONGEST_TIMEOUT_SECONDS,
            },
            "attempts": {"type": ["integer", "null"], "minimum": 1, "maximum": MOST_ATTEMPTS},
        },
    },
    "examples": {
        "slower": {"value": {"limit": "50/second", "attempts": 3}},
        "back": {"summary": "What the table says", "value": {"limit": None, "attempts": None}},
    },
}
_IF_MATCH: Json = {**IF_MATCH, "required": True}


def _switch(name: str, summary: str, description: str) -> Operation:
    return Operation(
        id=name,
        tag="vendors",
        summary=summary,
        description=f"{description} Admins only; done twice it changes nothing more.",
        answers=(_VENDOR_ANSWER,),
        problems=(401, 403, 404, 422, 500, 503),
        parameters=(VENDOR_NAME,),
    )


VENDOR_OPERATIONS: Operations = {
    ("get", "/vendors"): Operation(
        id="list_vendors",
        tag="vendors",
        summary="List the vendors",
        description="All of the tables, by name, and how each stands over the whole fleet; for admins the gateway's "
        "own besides. What their last calls came to may be null for a moment: it is read behind the answer.",
        answers=(
            Answer(
                200,
                "All of them.",
                VendorList,
                ("Cache-Control",),
                {"vendors": {"items": [_VENDOR], "next_cursor": None}},
            ),
        ),
        problems=(401, 422, 500, 503),
    ),
    ("get", "/vendors/{name}"): Operation(
        id="show_vendor",
        tag="vendors",
        summary="Show a vendor",
        description="Its limit and use, its queue, and how its last calls went; for admins the circuit breaker of "
        "each of its addresses, where it has several.",
        answers=(_VENDOR_ANSWER,),
        problems=(401, 404, 422, 500, 503),
        parameters=(VENDOR_NAME,),
    ),
    ("patch", "/vendors/{name}"): Operation(
        id="change_vendor",
        tag="vendors",
        summary="Change how a vendor is called",
        description="A merge patch (RFC 7396): what is left out stays, null puts back what the table says. It holds "
        "for the whole fleet from the answer on, wins over the table, and outlasts restarts. Calls that were granted "
        "before keep to what held then; no window ever has more of them than the larger of both limits. Admins only; "
        "the same patch once more changes nothing, whatever its version.",
        parameters=(VENDOR_NAME, _IF_MATCH),
        body=_PATCH,
        answers=(
            Answer(
                200,
                "How it is called.",
                ControlView,
                ("Cache-Control", "ETag"),
                {"vendor": {"name": "sync", **_RULES}},
            ),
        ),
        problems=(400, 401, 403, 404, 409, 412, 413, 415, 422, 428, 500, 503),
    ),
    ("post", "/vendors/{name}/pause"): _switch(
        "pause_vendor",
        "Stop calling a vendor",
        "Calls under way end; jobs are taken in and wait. It outlasts restarts.",
    ),
    ("post", "/vendors/{name}/resume"): _switch(
        "resume_vendor",
        "Call a vendor again",
        "The end of a pause, and of its circuit breaker's opening: one call tries at once whether it is well.",
    ),
}
