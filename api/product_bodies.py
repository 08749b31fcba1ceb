"""What admins send of a product, read strictly: every fault at once, and nothing that is not theirs to say."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec import UNSET

from api.fields import Fields
from domain.commerce.listing import read_category, read_description, read_name
from domain.commerce.products import MOST_STOCK, Product
from domain.errors import Invalid
from domain.money import MOST, Money, read_currency
from domain.request_ids import new_request_id

_TEXT = "must be a string"
_PRICE = 'must be an object of amount and currency, each given once, such as {"amount": 1999, "currency": "USD"}'


def read_product(fields: Fields, now: datetime) -> Product:
    """A new one; its maker and key are the caller's to add. Raises `Invalid` with every fault."""
    fields.expect("name", "price")
    changes = read_changes(fields)
    return Product(id=new_request_id(), created_at=now, updated_at=now, **changes)


def read_changes(fields: Fields) -> dict[str, Any]:
    """What is to change; null removes a description or a category. Raises `Invalid` with every fault."""
    changes = {
        "name": _read_text(fields, "name", read_name),
        "description": _read_text(fields, "description", read_description, ""),
        "category": _read_text(fields, "category", read_category, None),
        "price": _read_price(fields),
        "stock": fields.take_whole("stock", 0, MOST_STOCK),
    }
    fields.end()
    return {name: value for name, value in changes.items() if value is not UNSET}


def _read_text(fields: Fields, name: str, read: Callable[[str], str], none: Any = UNSET) -> Any:
    """`none` is what null stands for; without it null is a fault."""
    text = fields.take(name, str, _TEXT) if none is UNSET else fields.take(name, str | None, f"{_TEXT}, or null")
    try:
        return read(text) if isinstance(text, str) else none if text is None else UNSET
    except Invalid as fault:
        return fields.take_over(fault)


def _read_price(fields: Fields) -> Any:
    price = fields.take_inner("price", _PRICE)
    if not isinstance(price, Fields):
        return UNSET
    price.expect("amount", "currency")
    amount: Any = price.take_whole("amount", 1, MOST)
    currency = _read_currency(price)
    try:
        price.end()
    except Invalid as fault:
        return fields.take_over(fault)
    return Money(amount=amount, currency=currency)


def _read_currency(price: Fields) -> Any:
    code = price.take("currency", str, "must be a string, the ISO 4217 code of a currency such as USD")
    try:
        return read_currency(code, "price/currency") if isinstance(code, str) else UNSET
    except Invalid as fault:
        return price.take_over(fault)
