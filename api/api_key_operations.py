"""What the routes of machines' keys take and answer."""

from typing import Any

from api.account_views import ApiKeyList, ApiKeyView
from api.operation import Answer, Json, Operation, Operations
from api.shared_parts import KEY_ID, NOTHING
from domain.accounts.api_keys import Scope
from domain.accounts.making_keys import MOST_KEYS
from domain.accounts.profiles import LONGEST_NAME
from domain.callers import Role

_KEY: dict[str, Any] = {
    "id": "0198f0c2-7d00-7000-8000-3f1a5b2c4d6e",
    "name": "nightly-report",
    "client": "user:0198f0c2-7d00-7000-8000-0d1e2f3a4b5c",
    "role": "user",
    "scopes": ["jobs:read", "jobs:write"],
    "rate": None,
    "created_at": "2026-11-21T09:00:00Z",
    "created_by": "user:0198f0c2-7d00-7000-8000-0d1e2f3a4b5c",
    "expires_at": None,
    "used_at": None,
}
_SHOWN: dict[str, Any] = {**_KEY, "key": "gwk_…"}
_WISH: Json = {
    "schema": {
        "type": "object",
        "additionalProperties": False,
        "required": ["name"],
        "properties": {
            "name": {
                "type": "string",
                "minLength": 1,
                "maxLength": LONGEST_NAME,
                "description": "What it is for. A service's client is named after it: 1 to 63 of a-z 0-9 . _ -",
            },
            "role": {"enum": [role.value for role in Role], "default": Role.USER.value},
            "scopes": {
                "type": ["array", "null"],
                "minItems": 1,
                "items": {"enum": [scope.value for scope in Scope]},
                "description": "What it is narrowed to. Default: to nothing less than its role.",
            },
            "rate": {
                "type": ["string", "null"],
                "description": "An admin's to give, such as \"10/second; 1000/hour\". Default: a client's usual rate.",
            },
            "expires_at": {
                "type": ["string", "null"],
                "format": "date-time",
                "description": "With a zone, and ahead. Default: never.",
            },
        },
    },
    "examples": {"narrowed": {"value": {"name": "nightly-report", "scopes": ["jobs:read", "jobs:write"]}}},
}

API_KEY_OPERATIONS: Operations = {
    ("post", "/api-keys"): Operation(
        id="make_key",
        tag="api keys",
        summary="Make a key",
        description="For a machine that submits what is its maker's. Only an admin makes those of services, which have "
        f"a client of their own, and of admins. A person has {MOST_KEYS} at most: then 409 (`too-many-keys`).",
        body=_WISH,
        answers=(Answer(201, "The key, shown this once.", ApiKeyView, ("Cache-Control",), {"key": _SHOWN}),),
        problems=(400, 401, 403, 409, 413, 415, 422, 500, 503),
    ),
    ("get", "/api-keys"): Operation(
        id="list_keys",
        tag="api keys",
        summary="List keys",
        description="Those of who asks; for admins everybody's. Revoked ones are left out.",
        answers=(
            Answer(
                200, "All of them.", ApiKeyList, ("Cache-Control",), {"keys": {"items": [_KEY], "next_cursor": None}}
            ),
        ),
        problems=(401, 403, 422, 500, 503),
    ),
    ("delete", "/api-keys/{key_id}"): Operation(
        id="revoke_key",
        tag="api keys",
        summary="Revoke a key",
        description="It opens nothing within 10 s.",
        parameters=(KEY_ID,),
        body=NOTHING,
        body_required=False,
        answers=(Answer(204, "It is void."),),
        problems=(400, 401, 403, 404, 413, 415, 422, 500, 503),
    ),
}
