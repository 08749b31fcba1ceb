"""What the routes of configurations take and answer."""

from typing import Any

from api.configuration_views import ConfigurationHistory, ConfigurationVersionView
from api.headers import LONGEST_WAIT_SECONDS
from api.operation import Answer, Json, Operation, Operations
from api.shared_parts import IF_MATCH, LAST_EVENT_ID, PAGE_QUERY, SERVICE_NAME, VERSION

_VALUES: dict[str, Any] = {"log_level": "info", "features": {"new_checkout": True}}
_OBJECT: Json = {"type": "object", "additionalProperties": True}
_VERSION: dict[str, Any] = {
    "service": "orders",
    "version": 7,
    "size": 55,
    "changed_at": "2026-11-21T09:00:00Z",
    "changed_by": "admin",
}
_PREFER: Json = {
    "in": "header",
    "name": "Prefer",
    "description": "`wait=N` (RFC 7240): who has the newest version by If-None-Match, or finds none at all, is "
    f"answered as soon as there is another, after N seconds at the latest, at most {LONGEST_WAIT_SECONDS}.",
    "required": False,
    "schema": {"type": "string", "examples": ["wait=25"]},
}
_KNOWN: Json = {
    "in": "header",
    "name": "If-None-Match",
    "description": "The `ETag` that the client has: 304 while it is the newest. Nothing older is answered.",
    "required": False,
    "schema": {"type": "string"},
}
_FIRST: Json = {
    "in": "header",
    "name": "If-None-Match",
    "description": "`*` puts the first version, and is a 412 where there is one. Nothing else is looked at.",
    "required": False,
    "schema": {"type": "string", "examples": ["*"]},
}
_SHOWN = Answer(
    200,
    "The object, byte for byte as it was put. Its ETag is the version.",
    headers=("ETag", "Cache-Control", "Preference-Applied"),
    examples={"values": _VALUES},
    schema=_OBJECT,
)
_SAME = Answer(304, "It is as the client knows it.", headers=("ETag", "Cache-Control", "Preference-Applied"))
_STREAM = 'event: configuration\nid: 7\ndata: {"log_level":"info"}\n\n: still here\n\n'


def _receipt(status: int, description: str, *headers: str) -> Answer:
    names = ("ETag", "Cache-Control", *headers)
    return Answer(status, description, ConfigurationVersionView, names, {"version": _VERSION})


CONFIGURATION_OPERATIONS: Operations = {
    ("get", "/config/{service}"): Operation(
        id="show_configuration",
        tag="configuration",
        summary="Read a configuration",
        description="The newest version. A service reads the one of its own name, an admin any. No place for secrets.",
        parameters=(SERVICE_NAME, _PREFER, _KNOWN),
        answers=(_SHOWN, _SAME),
        problems=(401, 403, 404, 422, 500, 503),
    ),
    ("put", "/config/{service}"): Operation(
        id="put_configuration",
        tag="configuration",
        summary="Change a configuration",
        description="Makes the next version of it, a JSON object of 64 KiB and 64 levels at most, no member given "
        "twice. `If-Match` names the version that the change is meant for (`*`: whichever it is). The same request "
        "once more is answered as before while nobody else has changed it since. To roll back, put the text of an old "
        "version. Admins only.",
        parameters=(SERVICE_NAME, IF_MATCH, _FIRST),
        body={"schema": _OBJECT, "examples": {"values": {"value": _VALUES}}},
        answers=(
            _receipt(200, "The version that stands now, without its values."),
            _receipt(201, "The first version.", "Location"),
        ),
        problems=(400, 401, 403, 404, 412, 413, 415, 422, 428, 500, 503),
    ),
    ("get", "/config/{service}/events"): Operation(
        id="watch_configuration",
        tag="configuration",
        summary="Watch a configuration",
        description="Server-sent events: the newest version now, and each later one; `id` is the version, `data` the "
        "object. Versions in between may be skipped. A comment every 15 s keeps the connection. When the process stops "
        "the stream ends: come back with `Last-Event-ID`.",
        parameters=(SERVICE_NAME, LAST_EVENT_ID),
        answers=(
            Answer(
                200,
                "The stream.",
                headers=("Cache-Control", "X-Accel-Buffering"),
                examples={"configuration": _STREAM},
                media_type="text/event-stream",
                schema={"type": "string"},
            ),
        ),
        problems=(401, 403, 404, 422, 500, 503),
    ),
    ("get", "/config/{service}/history"): Operation(
        id="list_configuration_versions",
        tag="configuration",
        summary="List a configuration's versions",
        description="Who changed it and when, newest first, without the values. All versions are kept. Admins only.",
        parameters=(SERVICE_NAME, *PAGE_QUERY),
        answers=(
            Answer(
                200,
                "A page.",
                ConfigurationHistory,
                ("Link", "Cache-Control"),
                {"page": {"items": [_VERSION], "next_cursor": None}},
            ),
        ),
        problems=(401, 403, 404, 422, 500, 503),
    ),
    ("get", "/config/{service}/history/{version}"): Operation(
        id="show_configuration_version",
        tag="configuration",
        summary="Read an earlier version",
        description="The object as it was put then. To roll back, put it again. Admins only.",
        parameters=(SERVICE_NAME, VERSION, _KNOWN),
        answers=(_SHOWN, _SAME),
        problems=(401, 403, 404, 422, 500, 503),
    ),
}
