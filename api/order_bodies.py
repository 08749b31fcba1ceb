"""What is sent of an order, read strictly: every fault at once, each with its pointer. Nobody says what it costs."""

from collections.abc import Sequence
from unicodedata import normalize
from uuid import UUID

import msgspec
from msgspec import UNSET

from api.fields import Fields
from domain.commerce.advancing import BY_HAND
from domain.commerce.drafts import Item
from domain.commerce.orders import MOST_LINES, MOST_OF_ONE, Status
from domain.edge.answers import AnyRequest
from domain.edge.bodies import read_body, require_json
from domain.errors import FieldError, Invalid
from domain.json_text import read_object
from domain.request_ids import read_request_id

LONGEST_WHY = 200

_ITEMS = f"must be an array of 1 to {MOST_LINES} objects of product_id and quantity"
_ITEM = 'must be an object such as {"product_id": "…", "quantity": 1}, each given once'
_PRODUCT = "must be the id of a product: a string, a UUID in its 36 characters"
_PRICE = "is not the buyer's to say: a product's own price holds, as it is when it is ordered"
_WHY = f"must be a string of 1 to {LONGEST_WHY} characters that can be seen, without a space at either end"
_STATUS = (
    f"must be {', '.join(BY_HAND[:-1])} or {BY_HAND[-1]}: an order awaits payment, is paid or refunded by its payment "
    "alone, and by nobody's hand"
)


def read_items(fields: Fields) -> Sequence[Item]:
    """What is ordered. Raises `Invalid` with every fault."""
    raws = fields.require("items", list[msgspec.Raw], _ITEMS)
    items: list[Item | None] = []
    if raws is not UNSET and 1 <= len(raws) <= MOST_LINES:
        items = [_read_item(bytes(raw), place, fields) for place, raw in enumerate(raws)]
        _refuse_repeated(items, fields)
    elif raws is not UNSET:
        fields.blame("items", _ITEMS)
    fields.end()
    return [item for item in items if item is not None]


def read_move(fields: Fields) -> tuple[Status, str | None]:
    """What an admin makes of an order, and why. Raises `Invalid` with every fault."""
    status = fields.require("status", Status, _STATUS)
    if status is not UNSET and status not in BY_HAND:
        fields.blame("status", _STATUS)
    why = _read_why(fields)
    fields.end()
    return status, why


async def read_why(request: AnyRequest) -> str | None:
    """Of a body that need not be there. Raises what is wrong with it."""
    body = await read_body(request.scope, request.receive)
    if not body:
        return None
    require_json(request.scope)
    fields = Fields(read_object(body))
    why = _read_why(fields)
    fields.end()
    return why


def _read_item(raw: bytes, place: int, fields: Fields) -> Item | None:
    try:
        item = Fields(read_object(raw), "items", str(place))
    except Invalid:
        fields.take_over(Invalid(_ITEM, errors=(FieldError(f"/items/{place}", _ITEM),)))
        return None
    item.expect("product_id", "quantity")
    item.refuse("price", _PRICE)
    named = item.take("product_id", str, _PRODUCT)
    product_id = read_request_id(named) if isinstance(named, str) else None
    if isinstance(named, str) and product_id is None:
        item.blame("product_id", _PRODUCT)
    quantity = item.take_whole("quantity", 1, MOST_OF_ONE)
    try:
        item.end()
    except Invalid as fault:
        fields.take_over(fault)
    return Item(product_id, quantity) if product_id is not None and isinstance(quantity, int) else None


def _refuse_repeated(items: Sequence[Item | None], fields: Fields) -> None:
    seen: set[UUID] = set()
    for place, item in enumerate(items):
        if item is None:
            continue
        if item.product_id in seen:
            detail = "is ordered twice; name each product once, with the quantity of both"
            fields.take_over(Invalid(detail, errors=(FieldError(f"/items/{place}/product_id", detail),)))
        seen.add(item.product_id)


def _read_why(fields: Fields) -> str | None:
    why = fields.take("why", str | None, f"{_WHY}, or null")
    if not isinstance(why, str):
        return None
    plain = normalize("NFC", why)
    if 1 <= len(plain) <= LONGEST_WHY and plain.isprintable() and plain == plain.strip():
        return plain
    fields.blame("why", _WHY)
    return None
