"""Placing an order: once for each key of a client, with the stock of all its lines or none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.commerce.drafts import Draft
from domain.commerce.orders import Order
from domain.commerce.ports import Orders, Short
from domain.commerce.products import Product
from domain.errors import Conflict, FieldError, KeyReused


class OutOfStock(Conflict):
    """`short` names each line that there is not enough of; nothing was taken of any."""

    code = "out-of-stock"

    def __init__(self, short: Sequence[Short], faults: Sequence[FieldError]) -> None:
        super().__init__(f"{faults[0].pointer} {faults[0].detail}", errors=tuple(faults))
        self.short = short


@dataclass(frozen=True, slots=True)
class Placed:
    """`replayed`: the key came before, and this is the order that was placed then."""

    order: Order
    replayed: bool


async def place_order(orders: Orders, draft: Draft) -> Placed:
    """Raises `OutOfStock`, `Invalid` for what cannot be added up, `KeyReused`, `Unavailable`."""
    answer = await orders.place(draft)
    if not isinstance(answer, Order):
        raise OutOfStock(answer, _faults(draft, answer))
    if answer.fingerprint != draft.fingerprint:
        raise KeyReused(
            "this Idempotency-Key came before with another body; take a new key for a new order, "
            "or send the first body again"
        )
    return Placed(answer, replayed=answer.id != draft.id)


def shortage(draft: Draft, products: Mapping[UUID, Product]) -> list[Short]:
    """What of the draft there is not enough of, in the draft's order; one that is not sold has none in stock."""
    stocks = {product.id: product.stock for product in products.values() if product.deleted_at is None}
    return [
        Short(item.product_id, item.quantity, stocks.get(item.product_id, 0))
        for item in draft.items
        if item.quantity > stocks.get(item.product_id, 0)
    ]


def _faults(draft: Draft, short: Sequence[Short]) -> list[FieldError]:
    places = {item.product_id: place for place, item in enumerate(draft.items)}
    return [_fault(places[line.product_id], line) for line in short]


def _fault(place: int, line: Short) -> FieldError:
    if line.stock <= 0:
        return FieldError(f"/items/{place}/product_id", "is sold out, or no longer sold; leave it out")
    return FieldError(f"/items/{place}/quantity", f"is more than there are; order {line.stock} at most")
