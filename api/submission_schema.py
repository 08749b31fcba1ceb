"""The bodies that jobs come in, and a replay's, as JSON Schema: from the same limits that the reading enforces."""

from typing import Any

from domain.batches import KEY, MOST_JOBS
from domain.jobs import Priority
from domain.json_text import MAX_DEPTH
from domain.submitted_fields import LONGEST_METADATA, LONGEST_URL, METADATA_KEY, MOST_METADATA

SUBMISSION: dict[str, Any] = {
    "title": "Submission",
    "type": "object",
    "additionalProperties": False,
    "required": ["vendorType", "vendorPayload"],
    "properties": {
        "vendorType": {"type": "string", "description": "The vendor to call."},
        "vendorPayload": {
            "description": "Any JSON value by RFC 8259, handed on byte for byte; "
            f"at most {MAX_DEPTH} levels of objects and arrays deep."
        },
        "priority": {"enum": [priority.value for priority in Priority], "default": Priority.NORMAL.value},
        "run_at": {
            "type": "string",
            "format": "date-time",
            "description": "Not before; with a zone, not in the past and at most a year ahead. Default: now.",
        },
        "deadline": {
            "type": "string",
            "format": "date-time",
            "description": "Not ended by then, the job fails with code `deadline`. Default: 24 h after run_at.",
        },
        "callback_url": {
            "type": "string",
            "format": "uri",
            "maxLength": LONGEST_URL,
            "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://[^@]+$",
            "description": "Absolute, without credentials; https and to a public address, but in development.",
        },
        "metadata": {
            "type": "object",
            "maxProperties": MOST_METADATA,
            "propertyNames": {"pattern": f"^{METADATA_KEY}$"},
            "additionalProperties": {"type": "string", "maxLength": LONGEST_METADATA},
        },
    },
}

EXAMPLES: dict[str, Any] = {
    "sync": {
        "value": {
            "vendorType": "sync",
            "vendorPayload": {"productId": "PROD-ABC-123", "action": "fetch_details"},
        }
    },
    "labelled": {  # and no `run_at`: the date of an example would be too far ahead today, and past some day
        "value": {
            "vendorType": "sync",
            "vendorPayload": {"productId": "PROD-ABC-123"},
            "priority": "low",
            "metadata": {"order": "A-17"},
        }
    },
}

BATCH: dict[str, Any] = {
    "title": "Batch",
    "type": "object",
    "additionalProperties": False,
    "required": ["jobs"],
    "properties": {
        "jobs": {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_JOBS,
            "description": "Each is what `POST /jobs` takes, at most 1 MiB of it.",
            "items": {
                **SUBMISSION,
                "title": "BatchItem",
                "properties": {
                    **SUBMISSION["properties"],
                    KEY: {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
                },
            },
        }
    },
}
BATCH_EXAMPLES: dict[str, Any] = {
    "two": {
        "value": {
            "jobs": [
                {"vendorType": "sync", "vendorPayload": {"productId": "PROD-ABC-123"}, KEY: "order-A-17"},
                {"vendorType": "sync", "vendorPayload": {"productId": "PROD-ABC-124"}, KEY: "order-A-18"},
            ]
        }
    }
}

_MOMENT: dict[str, Any] = {"type": "string", "format": "date-time", "description": "With a zone."}
REPLAY: dict[str, Any] = {
    "title": "Replay",
    "type": "object",
    "additionalProperties": False,
    "required": ["vendor", "status", "dry_run"],
    "properties": {
        "vendor": {"type": "string", "description": "Also one that has left the tables, or `callback`."},
        "status": {"enum": ["failed", "cancelled"]},
        "error_code": {"type": "string", "description": "`error_detail.code` of the failed ones."},
        "from": _MOMENT,
        "to": _MOMENT,
        "dry_run": {"type": "boolean", "description": "Count, and change nothing."},
    },
}
REPLAY_EXAMPLES: dict[str, Any] = {
    "count": {"value": {"vendor": "sync", "status": "failed", "error_code": "vendor_unavailable", "dry_run": True}}
}
