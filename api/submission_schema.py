"""The body of `POST /jobs` as JSON Schema, from the same limits that the reading enforces."""

from typing import Any

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
            "description": "Absolute, http or https, without credentials.",
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
    "later": {
        "value": {
            "vendorType": "sync",
            "vendorPayload": {"productId": "PROD-ABC-123"},
            "priority": "low",
            "run_at": "2030-01-31T09:00:00Z",
            "metadata": {"order": "A-17"},
        }
    },
}
