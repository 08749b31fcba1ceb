"""The parts of the OpenAPI document that operations share: headers, parameters, and what each problem means."""

from typing import Any

from api.headers import LONGEST_WAIT_SECONDS
from domain.accounts.audit import Act
from domain.commerce.listing import LONGEST_CATEGORY, LONGEST_SEARCH, MOST_WORDS
from domain.commerce.orders import Status as OrderStatus
from domain.jobs import Status
from domain.submissions import LONGEST_TRACEPARENT

Json = dict[str, Any]


def _header(description: str, schema: Json) -> Json:
    return {"description": description, "schema": schema}


def _parameter(where: str, name: str, description: str, schema: Json, *, required: bool = False) -> Json:
    return {"in": where, "name": name, "description": description, "required": required, "schema": schema}


HEADERS: Json = {
    "X-Request-ID": _header("Of this request; the client's own, if it sent a sane one.", {"type": "string"}),
    "Location": _header("Where it is to be read.", {"type": "string", "format": "uri-reference"}),
    "Retry-After": _header("Seconds after which it is worth asking again.", {"type": "integer", "minimum": 1}),
    "RateLimit-Policy": _header(
        "`q` requests in any `w` seconds, by the name of the rate.",
        {"type": "string", "examples": ['"client";q=100;w=60']},
    ),
    "RateLimit": _header(
        "`r` of them are left, and no more than those for `t` seconds.",
        {"type": "string", "examples": ['"client";r=42;t=30']},
    ),
    "ETag": _header("Names what is shown as it stands, for If-None-Match and If-Match.", {"type": "string"}),
    "Allow": _header("The methods that the path takes.", {"type": "string"}),
    "Link": _header('The next page, rel="next", if there is one.', {"type": "string"}),
    "Cache-Control": _header("How the answer may be kept.", {"type": "string"}),
    "Preference-Applied": _header(
        "What of Prefer was applied, such as wait=25.", {"type": "string", "pattern": r"^wait=\d+$"}
    ),
    "Idempotency-Replayed": _header(
        "The key came before: this is the first job, and nothing new was stored.", {"type": "string", "const": "true"}
    ),
    "Gateway-Job-Id": _header("Of the job that made it.", {"type": "string", "format": "uuid"}),
    "Gateway-Payment-Id": _header("Of the payment that is paid there.", {"type": "string", "format": "uuid"}),
    "X-Accel-Buffering": _header("Tells nginx to hold nothing back.", {"type": "string", "const": "no"}),
    "Set-Cookie": _header("The refresh token's cookie, or its end.", {"type": "string"}),
    "Content-Disposition": _header("A name to save it under.", {"type": "string"}),
    "WWW-Authenticate": _header("How to authenticate.", {"type": "string"}),
}

# status: name, meaning
PROBLEMS: dict[int, tuple[str, str]] = {
    400: ("BadSyntax", "Not JSON, not UTF-8, or a header that is not as it should be."),
    401: ("Unauthenticated", "No credentials or signature, or wrong ones."),
    402: ("Declined", "The processor said no; `code` and `detail` are its own."),
    403: ("Forbidden", "This caller may not; `detail` says what is missing."),
    404: ("NotFound", "There is none, or none of yours."),
    405: ("MethodNotAllowed", "The path does not take this method; `Allow` lists those that it does."),
    408: ("TooSlow", "The request did not come in reasonable time; the connection is closed."),
    409: ("Conflict", "The job's state forbids it; `detail` says what would allow it."),
    412: ("Outdated", "It has changed since it was read: If-Match names another version than the present one."),
    413: (
        "TooLarge",
        "The body is larger than is read: 1 MiB, of a batch 16 MiB, of an image 10 MiB, of a configuration 64 KiB.",
    ),
    415: ("UnsupportedMedia", "The body does not say that it is JSON in UTF-8, or is no image that is read here."),
    422: ("Invalid", "JSON, or a query, that this route does not take; `errors` names each fault."),
    428: ("Unconditional", "The change names no version that it is meant for: send If-Match, or If-None-Match: *."),
    429: ("TooMany", "Too often; it is worth trying again after Retry-After."),
    431: ("HeadTooLarge", "The headers are longer than is read; the connection is closed."),
    500: ("Bug", "A bug of ours, logged under the trace_id."),
    501: ("NotOffered", "Nobody does that here; `detail` says what instead."),
    502: ("BrokenOff", "A service broke off without an answer: it may have acted, so look before you repeat it."),
    503: ("Unavailable", "Not now; the same request is safe to repeat after Retry-After."),
    504: ("TimedOut", "A service did not answer in time: it may have acted, so look before you repeat it."),
}
NOTHING: Json = {"schema": {"type": "object", "additionalProperties": False}}  # a body that may be there, and empty
OF_EVERY_REQUEST = (400, 405, 408, 431)  # what the HTTP server itself may answer, before any route is asked

REQUEST_ID = _parameter("path", "request_id", "The job's id.", {"type": "string", "format": "uuid"}, required=True)
VENDOR_NAME = _parameter("path", "name", "The vendor's name in the tables.", {"type": "string"}, required=True)
PREFER = _parameter(
    "header",
    "Prefer",
    f"`wait=N` (RFC 7240): hold the answer until the job ends, or for N seconds, at most {LONGEST_WAIT_SECONDS}.",
    {"type": "string", "examples": ["wait=10"]},
)
IDEMPOTENCY_KEY = _parameter(
    "header",
    "Idempotency-Key",
    "Printable ASCII. The same key with the same body gives the first job, with another body 422.",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
)
TRACEPARENT = _parameter(
    "header",
    "traceparent",
    "W3C Trace Context, handed on to the vendor. What is not well-formed, or longer than "
    f"{LONGEST_TRACEPARENT} characters, is ignored.",
    {"type": "string"},
)
IF_MATCH = _parameter(
    "header", "If-Match", "The `ETag` that the change is meant for; by now another: 412.", {"type": "string"}
)
IF_NONE_MATCH = _parameter(
    "header",
    "If-None-Match",
    "Tags that the client has. With `Prefer: wait` the answer waits until it differs.",
    {"type": "string"},
)
LAST_EVENT_ID = _parameter(
    "header",
    "Last-Event-ID",
    "The version that the client has: the state now is told only if it is another. What is no version is ignored.",
    {"type": "string", "examples": ["3"]},
)
EXPAND = _parameter(
    "query",
    "expand",
    "`attempts` adds the timeline: every call that was made, and what the vendor said meanwhile.",
    {"const": "attempts"},
)
LIST_QUERY: tuple[Json, ...] = (
    _parameter("query", "vendor", "Only jobs of this vendor.", {"type": "string"}),
    _parameter("query", "status", "Only jobs of this status.", {"enum": [status.value for status in Status]}),
    _parameter("query", "created_after", "RFC 3339, with a zone.", {"type": "string", "format": "date-time"}),
    _parameter("query", "limit", "Jobs a page.", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}),
    _parameter("query", "cursor", "`next_cursor` of the page before, with the same filters.", {"type": "string"}),
    _parameter(
        "query",
        "ids",
        "Exactly these jobs, at most 100, in this order; not together with other parameters.",
        {"type": "array", "items": {"type": "string"}, "maxItems": 100},
    )
    | {"style": "form", "explode": False},
)
USER_ID = _parameter("path", "user_id", "The user's id.", {"type": "string", "format": "uuid"}, required=True)
SESSION_ID = _parameter("path", "session_id", "The session's id.", {"type": "string", "format": "uuid"}, required=True)
KEY_ID = _parameter("path", "key_id", "The key's id.", {"type": "string", "format": "uuid"}, required=True)
PAGE_QUERY: tuple[Json, ...] = (
    _parameter("query", "limit", "Items a page.", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}),
    _parameter("query", "cursor", "`next_cursor` of the page before, with the same filters.", {"type": "string"}),
)
PRODUCT_ID = _parameter("path", "product_id", "The product's id.", {"type": "string", "format": "uuid"}, required=True)
PRODUCT_QUERY: tuple[Json, ...] = (
    _parameter(
        "query",
        "q",
        "Whole words that all must stand in name, description or category, in any case, with accents or without: at "
        f"most {MOST_WORDS}. What stands between them is no operator: neither `-` nor `*`, nor quotes.",
        {"type": "string", "minLength": 1, "maxLength": LONGEST_SEARCH, "examples": ["red mug"]},
    ),
    _parameter(
        "query",
        "category",
        "Only products of this category.",
        {"type": "string", "minLength": 1, "maxLength": LONGEST_CATEGORY},
    ),
    *PAGE_QUERY,
)
AUDIT_QUERY: tuple[Json, ...] = (
    _parameter("query", "actor", "Only what this client did.", {"type": "string", "examples": ["admin"]}),
    _parameter("query", "subject", "Only what was done to this.", {"type": "string", "examples": ["vendor:sync"]}),
    _parameter("query", "act", "Only acts of this kind.", {"enum": [act.value for act in Act]}),
    *PAGE_QUERY,
)
SERVICE_NAME = _parameter(
    "path",
    "service",
    "The service's name. Its keys come in as the client `service:<name>`.",
    {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,62}$"},
    required=True,
)
VERSION = _parameter(
    "path", "version", "A version's number.", {"type": "integer", "minimum": 1, "maximum": 999_999_999}, required=True
)
ORDER_ID = _parameter("path", "order_id", "The order's id.", {"type": "string", "format": "uuid"}, required=True)
ORDER_QUERY: tuple[Json, ...] = (
    _parameter("query", "status", "Only orders of this status.", {"enum": [status.value for status in OrderStatus]}),
    *PAGE_QUERY,
)
PAYMENT_ID = _parameter("path", "payment_id", "The payment's id.", {"type": "string", "format": "uuid"}, required=True)
TRANSACTION_QUERY: tuple[Json, ...] = (
    _parameter("query", "payment_id", "Only those of this payment.", {"type": "string", "format": "uuid"}),
    *PAGE_QUERY,
)
PART = _parameter("path", "part", "`db` or `redis`.", {"type": "string", "enum": ["db", "redis"]}, required=True)


def _link(operation: str, description: str) -> Json:
    parameters = {"request_id": "$response.body#/request_id"}
    return {"operationId": operation, "description": description, "parameters": parameters}


LINKS: Json = {  # what the id in an answer is good for
    "Show": _link("show_job", "The job as it stands."),
    "Watch": _link("watch_job", "The job whenever it changes."),
    "Cancel": _link("cancel_job", "End it."),
    "Retry": _link("retry_job", "Run it once more, if it failed or was cancelled."),
    "Delete": _link("delete_job", "Forget it, once it has ended."),
}
