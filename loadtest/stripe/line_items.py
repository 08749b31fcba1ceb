"""What is bought in a Checkout Session: prices that are made with it. Prices of a catalogue there are none here."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from loadtest.stripe.account import Account, fresh
from loadtest.stripe.currencies import check_charge, check_spelling, read_currency
from loadtest.stripe.params import Metadata, Text
from loadtest.stripe.refusals import Refusal, missing, missing_param
from loadtest.stripe.session import LineItem, Price


class ProductData(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    name: Text
    description: Text | None = None
    images: tuple[str, ...] = ()
    metadata: Metadata | None = None


class PriceData(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    currency: str
    product_data: ProductData
    unit_amount: Annotated[int, msgspec.Meta(ge=0)]
    tax_behavior: Literal["exclusive", "inclusive", "unspecified"] = "unspecified"


class NewLine(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    price: str | None = None
    price_data: PriceData | None = None
    quantity: Annotated[int, msgspec.Meta(ge=1)] | None = None


def ordered(account: Account, lines: Sequence[NewLine]) -> tuple[LineItem, ...]:
    """All of one currency, and together something that can be charged. Raises `Refusal`."""
    made = tuple(_line(account, line, number) for number, line in enumerate(lines))
    currencies = {line.currency for line in made}
    if len(currencies) > 1:
        raise Refusal("All prices on a Checkout session must have the same currency.", param="line_items")
    check_charge(sum(line.amount_total for line in made), made[0].currency, "line_items")
    return made


def _line(account: Account, line: NewLine, number: int) -> LineItem:
    place = f"line_items[{number}]"
    if line.price is not None:  # there are none here but those of `price_data`
        raise missing("price", line.price, f"{place}[price]", status=400)
    if line.price_data is None:
        raise missing_param(f"{place}[price_data]")
    if line.quantity is None:
        raise missing_param(f"{place}[quantity]")
    told, currency = line.price_data, read_currency(line.price_data.currency, f"{place}[price_data][currency]")
    check_spelling(told.unit_amount, currency, f"{place}[price_data][unit_amount]")
    price = Price(
        id=fresh("price"),
        created=account.now(),
        currency=currency,
        product=fresh("prod"),
        tax_behavior=told.tax_behavior,
        unit_amount=told.unit_amount,
        unit_amount_decimal=str(told.unit_amount),
    )
    total = told.unit_amount * line.quantity
    return LineItem(
        id=fresh("li"), amount_subtotal=total, amount_total=total, currency=currency,
        description=told.product_data.name, price=price, quantity=line.quantity,
    )  # fmt: skip
