"""What the routes of orders take and answer."""

from typing import Any

from api.operation import Answer, Json, Operation, Operations
from api.order_bodies import LONGEST_WHY
from api.order_views import OrderList, OrderView, ShortProblem
from api.shared_parts import IDEMPOTENCY_KEY, IF_MATCH, ORDER_ID, ORDER_QUERY
from domain.commerce.advancing import BY_HAND
from domain.commerce.orders import MOST_LINES, MOST_OF_ONE
from domain.edge.problems import MEDIA_TYPE

_ID = "0198f0c2-7d00-7000-8000-3f1a5b2c4d6e"
_PRODUCT = "0198f0c2-7d00-7000-8000-00000000c0de"
_AT = "2026-11-21T09:00:00Z"
_ORDER: dict[str, Any] = {
    "id": _ID,
    "client": "user:0198f0c2-7d00-7000-8000-0000000a11ce",
    "status": "Pending",
    "items": [{"product_id": _PRODUCT, "name": "Red mug", "price": {"amount": 1999, "currency": "USD"}, "quantity": 2}],
    "total": {"amount": 3998, "currency": "USD"},
    "expires_at": "2026-11-21T09:30:00Z",
    "created_at": _AT,
    "updated_at": _AT,
    "history": [{"at": _AT, "status": "Pending", "by": "user:0198f0c2-7d00-7000-8000-0000000a11ce", "why": None}],
}
_SHORT: dict[str, Any] = {
    "type": "urn:gateway:problem:out-of-stock",
    "title": "Conflict",
    "status": 409,
    "detail": "/items/0/quantity is more than there are; order 1 at most",
    "instance": "/orders",
    "code": "out-of-stock",
    "trace_id": "0198f0c27d0070008000000000000001",
    "message": "/items/0/quantity is more than there are; order 1 at most",
    "errors": [{"pointer": "/items/0/quantity", "detail": "is more than there are; order 1 at most"}],
    "short": [{"product_id": _PRODUCT, "wanted": 2, "stock": 1}],
}
_ITEM: Json = {
    "type": "object",
    "additionalProperties": False,
    "required": ["product_id", "quantity"],
    "properties": {
        "product_id": {"type": "string", "format": "uuid"},
        "quantity": {"type": "integer", "minimum": 1, "maximum": MOST_OF_ONE},
    },
}
_PLACING: Json = {
    "schema": {
        "type": "object",
        "additionalProperties": False,
        "required": ["items"],
        "properties": {
            "items": {
                "type": "array",
                "description": "Each of another product, all of one currency.",
                "minItems": 1,
                "maxItems": MOST_LINES,
                "items": _ITEM,
            }
        },
    },
    "examples": {"order": {"value": {"items": [{"product_id": _PRODUCT, "quantity": 2}]}}},
}
_WHY_SCHEMA: Json = {
    "type": ["string", "null"],
    "description": "For the order's history.",
    "minLength": 1,
    "maxLength": LONGEST_WHY,
}
_CANCELLING: Json = {
    "schema": {"type": "object", "additionalProperties": False, "properties": {"why": _WHY_SCHEMA}},
    "examples": {"why": {"value": {"why": "I ordered the wrong size"}}},
}
_MOVING: Json = {
    "schema": {
        "type": "object",
        "additionalProperties": False,
        "required": ["status"],
        "properties": {"status": {"enum": [status.value for status in BY_HAND]}, "why": _WHY_SCHEMA},
    },
    "examples": {"shipped": {"value": {"status": "Shipped"}}},
}
_SHOWN = ("ETag", "Cache-Control")
_ORDER_ANSWER = Answer(200, "The order.", OrderView, _SHOWN, {"order": _ORDER})
_OF_A_BODY = (400, 401, 403, 404, 409, 413, 415, 422, 500, 503)
_KEY: Json = {
    **IDEMPOTENCY_KEY,
    "description": "Printable ASCII. The same key with the same body gives the first order, with another body 422.",
}

ORDER_OPERATIONS: Operations = {
    ("post", "/orders"): Operation(
        id="place_order",
        tag="orders",
        summary="Place an order",
        description="Takes all of it from the stock, or nothing: 409 with what is short, by line, a product that is "
        "not or no longer sold having a stock of 0. Name and price of each product are copied from what they are at "
        "this moment. Unpaid at `expires_at` it is cancelled, and the stock goes back.",
        parameters=(_KEY,),
        body=_PLACING,
        answers=(
            Answer(201, "It is placed.", OrderView, ("Location", *_SHOWN, "Idempotency-Replayed"), {"order": _ORDER}),
            Answer(
                409,
                "There is not enough of something; nothing was taken of anything.",
                ShortProblem,
                examples={"short": _SHORT},
                media_type=MEDIA_TYPE,
            ),
        ),
        problems=(400, 401, 403, 413, 415, 422, 500, 503),
    ),
    ("get", "/orders"): Operation(
        id="list_orders",
        tag="orders",
        summary="List orders",
        description="One's own, newest first; an admin's list is everybody's.",
        parameters=ORDER_QUERY,
        answers=(
            Answer(
                200, "A page.", OrderList, ("Link", "Cache-Control"), {"page": {"items": [_ORDER], "next_cursor": None}}
            ),
        ),
        problems=(401, 403, 422, 500, 503),
    ),
    ("get", "/orders/{order_id}"): Operation(
        id="show_order",
        tag="orders",
        summary="Show an order",
        description="One's own; for admins anybody's.",
        parameters=(ORDER_ID,),
        answers=(_ORDER_ANSWER,),
        problems=(401, 403, 404, 422, 500, 503),
    ),
    ("post", "/orders/{order_id}/cancel"): Operation(
        id="cancel_order",
        tag="orders",
        summary="Cancel an order",
        description="Before it is paid. Its stock goes back, once: done twice, also at once, it changes nothing more. "
        "What is paid all the same, because a payment was under way, goes back too. Later than that: 409, which says "
        "what can be done instead.",
        parameters=(ORDER_ID,),
        body=_CANCELLING,
        body_required=False,
        answers=(_ORDER_ANSWER,),
        problems=_OF_A_BODY,
    ),
    ("patch", "/orders/{order_id}"): Operation(
        id="advance_order",
        tag="orders",
        summary="Send an order on its way",
        description="Paid to Shipped, Shipped to Delivered, or cancelled while it is unpaid; any other move is a 409. "
        "Admins only; done twice it changes nothing more.",
        parameters=(ORDER_ID, IF_MATCH),
        body=_MOVING,
        answers=(_ORDER_ANSWER,),
        problems=(*_OF_A_BODY, 412),
    ),
}
