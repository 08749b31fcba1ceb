"""The callback that a job with a `callback_url` makes us send, as OpenAPI describes it beside `POST /jobs`."""

from typing import Any

from domain.jobs import ENDED

_STATUSES = sorted(status.value for status in ENDED)
_EVENT: dict[str, Any] = {
    "title": "CallbackEvent",
    "type": "object",
    "required": ["type", "timestamp", "data"],
    "properties": {
        "type": {"enum": [f"job.{status}" for status in _STATUSES]},
        "timestamp": {"type": "string", "format": "date-time"},
        "data": {
            "type": "object",
            "required": ["request_id", "status", "href"],
            "properties": {
                "request_id": {"type": "string", "format": "uuid"},
                "status": {"enum": _STATUSES},
                "href": {"type": "string", "format": "uri", "description": "Where the job is to be read."},
            },
        },
    },
}


def _signed_by(name: str, description: str) -> dict[str, Any]:
    return {"in": "header", "name": name, "description": description, "required": True, "schema": {"type": "string"}}


CALLBACKS: dict[str, Any] = {
    "ended": {
        "{$request.body#/callback_url}": {
            "post": {
                "summary": "The job has ended",
                "description": "Signed by Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`. It is tried "
                "up to ten times over three days, until it is answered with 2xx within 15 s; 410 stops it. "
                "Redirects are not followed.",
                "parameters": [
                    _signed_by("webhook-id", "Of this event; the same over every try."),
                    _signed_by("webhook-timestamp", "Seconds since 1970; refuse what is older than five minutes."),
                    _signed_by("webhook-signature", "`v1,<base64>`, several separated by spaces."),
                ],
                "requestBody": {"required": True, "content": {"application/json": {"schema": _EVENT}}},
                "responses": {
                    "2XX": {"description": "Heard."},
                    "410": {"description": "Never again for this job."},
                },
            }
        }
    }
}
