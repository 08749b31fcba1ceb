"""Stripe's units of money beside ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import EXPONENTS, MOST, Money
from vendors.stripe.currencies import NotChargeable, from_stripe, to_stripe

MONIES = st.builds(Money, amount=st.integers(0, MOST), currency=st.sampled_from(sorted(EXPONENTS)))


@pytest.mark.parametrize(
    ("amount", "currency", "theirs"),
    [
        (1999, "USD", (1999, "usd")),
        (500, "JPY", (500, "jpy")),
        (5120, "BHD", (5120, "bhd")),
        (5, "ISK", (500, "isk")),
        (5, "UGX", (500, "ugx")),
        (500, "MGA", (5, "mga")),
        (1999, "HUF", (1999, "huf")),
        (1999, "TWD", (1999, "twd")),
    ],
)
def test_the_same_money_in_their_units(amount: int, currency: str, theirs: tuple[int, str]) -> None:
    assert to_stripe(Money(amount=amount, currency=currency)) == theirs
    assert from_stripe(*theirs) == Money(amount=amount, currency=currency)


@pytest.mark.parametrize(("amount", "currency"), [(5124, "KWD"), (501, "MGA"), (1000, "IQD"), (1, "XXX")])
def test_what_cannot_be_charged_exactly_is_not_charged(amount: int, currency: str) -> None:
    with pytest.raises(NotChargeable):
        to_stripe(Money(amount=amount, currency=currency))


@pytest.mark.parametrize(("amount", "currency"), [(550, "isk"), (-1, "usd"), (1, "xxx"), (1, "USD"), (1, "")])
def test_what_is_no_money_of_theirs_is_not_read(amount: int, currency: str) -> None:
    with pytest.raises(ValueError, match="Stripe names"):
        from_stripe(amount, currency)


@given(MONIES)
def test_no_unit_is_ever_lost_or_made_on_the_way(money: Money) -> None:
    try:
        theirs = to_stripe(money)
    except NotChargeable:
        return
    assert from_stripe(*theirs) == money
