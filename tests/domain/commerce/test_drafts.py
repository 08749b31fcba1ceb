"""A draft becomes an order at the prices of the moment, or says why it cannot be added up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.commerce.drafts import Item
from domain.commerce.orders import MOST_OF_ONE, Status
from domain.commerce.placing import shortage
from domain.commerce.ports import Short
from domain.errors import Invalid
from domain.money import MOST, Money
from domain.request_ids import new_request_id
from tests.fakes_commerce import a_product
from tests.fakes_orders import HALF_AN_HOUR, a_draft, an_order
from tests.strategies import NOON


def test_an_order_has_name_and_price_as_the_products_have_them() -> None:
    mug, cup = a_product(name="Mug", price=usd(1999)), a_product(name="Cup", price=usd(5))
    order = an_order((mug, 2), (cup, 3))
    assert [(line.name, line.price, line.quantity) for line in order.lines] == [
        ("Mug", usd(1999), 2),
        ("Cup", usd(5), 3),
    ]
    assert (order.total, order.status, order.stock_held) == (usd(4013), Status.PENDING, True)
    assert [(step.status, step.by) for step in order.history] == [(Status.PENDING, "user:ann")]
    assert order.expires_at == order.sweep_at == NOON + HALF_AN_HOUR


@given(st.lists(st.tuples(st.integers(1, 100_000), st.integers(1, 9)), min_size=1, max_size=20))
def test_the_total_is_the_sum_of_all_pieces(priced: list[tuple[int, int]]) -> None:
    order = an_order(*((a_product(price=usd(amount)), pieces) for amount, pieces in priced))
    assert order.total == usd(sum(amount * pieces for amount, pieces in priced))


def test_two_currencies_do_not_add_up() -> None:
    lines = [(a_product(price=Money(amount=5, currency=code)), 1) for code in ("USD", "USD", "JPY", "EUR")]
    with pytest.raises(Invalid) as refusal:
        an_order(*lines)
    assert [fault.pointer for fault in refusal.value.errors] == ["/items/2/product_id", "/items/3/product_id"]
    assert "order them apart" in refusal.value.detail


def test_a_total_beyond_what_money_can_be_is_refused() -> None:
    assert an_order((a_product(price=usd(MOST)), 1)).total == usd(MOST)
    for lines in ([(a_product(price=usd(MOST)), 2)], [(a_product(price=usd(MOST)), 1), (a_product(price=usd(1)), 1)]):
        with pytest.raises(Invalid) as refusal:
            an_order(*lines)
        assert [fault.pointer for fault in refusal.value.errors] == ["/items"]
        assert "999999.99 USD is the most" in refusal.value.detail


def test_what_is_short_is_told_in_the_drafts_order_and_what_is_not_sold_has_no_stock() -> None:
    plenty, few, gone = a_product(stock=MOST_OF_ONE), a_product(stock=2), a_product(stock=9, deleted_at=NOON)
    unknown = Item(new_request_id(), 1)
    draft = a_draft((gone, 1), (plenty, MOST_OF_ONE), (few, 3))
    draft = a_draft(items=[*draft.items, unknown])
    short = shortage(draft, {product.id: product for product in (plenty, few, gone)})
    assert short == [Short(gone.id, 1, 0), Short(few.id, 3, 2), Short(unknown.product_id, 1, 0)]


def usd(amount: int) -> Money:
    return Money(amount=amount, currency="USD")
