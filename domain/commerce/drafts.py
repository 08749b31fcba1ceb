"""
What a buyer asks for, before it has a price.

It is drawn up into an order by who takes the stock, with the products as they are at that very moment: a price that
changed a moment before is the one that is asked, and a client never names one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.commerce.orders import Line, Order, Status, Step, total_of_lines
from domain.commerce.products import Product
from domain.errors import FieldError, Invalid
from domain.money import MOST, Money, written


@dataclass(frozen=True, slots=True)
class Item:
    product_id: UUID
    quantity: int


@dataclass(frozen=True, slots=True)
class Draft:
    """`items` are in the order of asking, each of another product. `at` is to the millisecond."""

    id: UUID  # of the order to be
    client: str
    items: Sequence[Item]
    at: datetime
    expires_at: datetime
    user: UUID | None = None
    idempotency_key: str | None = None
    fingerprint: str | None = None

    def drawn_up(self, products: Mapping[UUID, Product]) -> Order:
        """The order, of products that are all there. Raises `Invalid` for what cannot be added up."""
        lines = [_line(products[item.product_id], item.quantity) for item in self.items]
        _refuse_mixed(lines)
        return Order(
            id=self.id,
            client=self.client,
            user=self.user,
            lines=lines,
            total=_total(lines),
            history=[Step(at=self.at, status=Status.PENDING, by=self.client)],
            expires_at=self.expires_at,
            sweep_at=self.expires_at,
            idempotency_key=self.idempotency_key,
            fingerprint=self.fingerprint,
            created_at=self.at,
            updated_at=self.at,
        )


def _line(product: Product, quantity: int) -> Line:
    return Line(product_id=product.id, name=product.name, price=product.price, quantity=quantity)


def _refuse_mixed(lines: Sequence[Line]) -> None:
    first = lines[0].price.currency
    told = f"and the first one in {first}: an order is of one currency, so order them apart"
    faults = [
        FieldError(f"/items/{place}/product_id", f"is sold in {line.price.currency}, {told}")
        for place, line in enumerate(lines)
        if line.price.currency != first
    ]
    if faults:
        raise Invalid(f"{faults[0].pointer} {faults[0].detail}", errors=tuple(faults))


def _total(lines: list[Line]) -> Money:
    total = total_of_lines(lines)
    if total.amount > MOST:
        most = written(Money(amount=MOST, currency=total.currency))
        detail = f"come to {written(total)}, and {most} is the most of one order; order less at once"
        raise Invalid(f"/items {detail}", errors=(FieldError("/items", detail),))
    return total
