"""What the routes of the catalogue take and answer."""

from typing import Any

from api.operation import Answer, Json, Operation, Operations
from api.product_views import ProductList, ProductView
from api.shared_parts import IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH, NOTHING, PRODUCT_ID, PRODUCT_QUERY
from domain.commerce.listing import LONGEST_CATEGORY, LONGEST_DESCRIPTION, LONGEST_NAME
from domain.commerce.products import MOST_STOCK
from domain.money import MOST

_AT = "2026-11-21T09:00:00Z"
_PRICE_EXAMPLE: dict[str, Any] = {"amount": 1999, "currency": "USD"}
_PRODUCT: dict[str, Any] = {
    "id": "0198f0c2-7d00-7000-8000-3f1a5b2c4d6e",
    "name": "Red mug",
    "description": "Holds a third of a litre.",
    "category": "kitchen",
    "price": _PRICE_EXAMPLE,
    "stock": 10,
    "images": [],
    "created_at": _AT,
    "updated_at": _AT,
    "version": 0,
}
_FIELDS: Json = {
    "name": {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME},
    "description": {
        "type": ["string", "null"],
        "maxLength": LONGEST_DESCRIPTION,
        "description": "Of several lines. null is none.",
    },
    "category": {
        "type": ["string", "null"],
        "minLength": 1,
        "maxLength": LONGEST_CATEGORY,
        "description": "Products of one are found together. null is none.",
    },
    "price": {
        "type": "object",
        "additionalProperties": False,
        "required": ["amount", "currency"],
        "description": "One value, as it is shown: no amount without its currency.",
        "properties": {
            "amount": {
                "type": "integer",
                "minimum": 1,
                "maximum": MOST,
                "description": "In minor units: 1999 USD is $19.99, 1999 JPY is ¥1999. 1999.0 is refused.",
            },
            "currency": {"type": "string", "pattern": "^[A-Za-z]{3}$", "description": "ISO 4217, in any case."},
        },
    },
    "stock": {"type": "integer", "minimum": 0, "maximum": MOST_STOCK},
}
_NEW: Json = {
    "schema": {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "price"],
        "properties": {**_FIELDS, "stock": {**_FIELDS["stock"], "default": 0}},
    },
    "examples": {"mug": {"value": {"name": "Red mug", "price": _PRICE_EXAMPLE, "stock": 10}}},
}
_CHANGES: Json = {
    "schema": {"type": "object", "additionalProperties": False, "properties": _FIELDS},
    "examples": {"price": {"value": {"price": {"amount": 1799, "currency": "USD"}}}},
}
_ALREADY_KNOWN = "It is as the client knows it."
_OF_A_BODY = (400, 401, 403, 413, 415, 422, 500, 503)

PRODUCT_OPERATIONS: Operations = {
    ("get", "/products"): Operation(
        id="list_products",
        tag="products",
        summary="List products",
        description="Newest first, for everybody. Of what `q` and `category` narrow, all must be so. An answer may be "
        "10 s old.",
        parameters=(*PRODUCT_QUERY, IF_NONE_MATCH),
        answers=(
            Answer(
                200,
                "A page.",
                ProductList,
                ("ETag", "Link", "Cache-Control"),
                {"page": {"items": [_PRODUCT], "next_cursor": None}},
            ),
            Answer(304, _ALREADY_KNOWN, None, ("ETag", "Link", "Cache-Control")),
        ),
        problems=(422, 500, 503),
    ),
    ("get", "/products/{product_id}"): Operation(
        id="show_product",
        tag="products",
        summary="Show a product",
        description="For everybody. One that was deleted is not found. An answer may be 10 s old.",
        parameters=(PRODUCT_ID, IF_NONE_MATCH),
        answers=(
            Answer(200, "The product.", ProductView, ("ETag", "Cache-Control"), {"product": _PRODUCT}),
            Answer(304, _ALREADY_KNOWN, None, ("ETag", "Cache-Control")),
        ),
        problems=(404, 422, 500, 503),
    ),
    ("post", "/products"): Operation(
        id="make_product",
        tag="products",
        summary="Put something on sale",
        description="Admins only. A key that came before gives the product that it made, as it is by now; once that "
        "has been deleted: 409.",
        parameters=(IDEMPOTENCY_KEY,),
        body=_NEW,
        answers=(
            Answer(
                201,
                "It is on sale.",
                ProductView,
                ("Location", "ETag", "Cache-Control", "Idempotency-Replayed"),
                {"product": _PRODUCT},
            ),
        ),
        problems=(*_OF_A_BODY, 409),
    ),
    ("patch", "/products/{product_id}"): Operation(
        id="change_product",
        tag="products",
        summary="Change a product",
        description="Admins only. What is left out stays. Orders keep the price that they were made at. The stock is "
        "what is left to be sold: pieces that orders hold are taken off it already. With `If-Match`, a sale since "
        "the product was read is a change of it too (412).",
        parameters=(PRODUCT_ID, IF_MATCH),
        body=_CHANGES,
        answers=(Answer(200, "The product.", ProductView, ("ETag", "Cache-Control"), {"product": _PRODUCT}),),
        problems=(*_OF_A_BODY, 404, 409, 412),
    ),
    ("delete", "/products/{product_id}"): Operation(
        id="delete_product",
        tag="products",
        summary="Take a product off sale",
        description="Admins only. Nobody finds or buys it any more; orders that name it keep it. Done twice it changes "
        "nothing more.",
        parameters=(PRODUCT_ID,),
        body=NOTHING,
        body_required=False,
        answers=(Answer(204, "It is off sale."),),
        problems=(*_OF_A_BODY, 404),
    ),
}
