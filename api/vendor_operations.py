"""What the vendors' routes take and answer."""

from typing import Any

from api.operation import Answer, Operation, Operations
from api.shared_parts import VENDOR_NAME
from api.vendor_views import VendorList, VendorView

_VENDOR: dict[str, Any] = {
    "name": "sync",
    "paused": False,
    "closed_until": None,
    "next_start": "2026-11-21T09:00:00.520Z",
    "limit": "50/second",
    "windows": [{"amount": 50, "seconds": 1.025, "used": 50}],
    "concurrency": None,
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
}
_VENDOR_ANSWER = Answer(200, "The vendor.", VendorView, ("Cache-Control",), {"vendor": _VENDOR})


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
        description="All of the tables, by name, and how each stands over the whole fleet.",
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
        description="Its limit and use, its queue, and how its last calls went.",
        answers=(_VENDOR_ANSWER,),
        problems=(401, 404, 422, 500, 503),
        parameters=(VENDOR_NAME,),
    ),
    ("post", "/vendors/{name}/pause"): _switch(
        "pause_vendor",
        "Stop calling a vendor",
        "Calls under way end; jobs are taken in and wait. It outlasts restarts.",
    ),
    ("post", "/vendors/{name}/resume"): _switch("resume_vendor", "Call a vendor again", "The end of a pause."),
}
