"""What is taken at the door is what the processor charges, to the last digit and the least amount."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.money import EXPONENTS, MOST, Money
from domain.payments.amounts import ANY, check_exact, limits_of
from loadtest.stripe.currencies import CURRENCIES, check_charge, check_spelling
from loadtest.stripe.refusals import Refusal
from vendors.stripe.currencies import to_stripe

# Of those that Stripe takes: in others it says no to any amount.
CODES = sorted(code for code in EXPONENTS if code.lower() in CURRENCIES)


def exact(amount: int, currency: str) -> int:
    """The same, or the next below, as card networks take it."""
    step = 100 if currency == "MGA" else 10 if EXPONENTS[currency] == 3 else 1
    return max(step, amount - amount % step)


@given(st.sampled_from(CODES), st.data())
def test_what_is_within_the_limits_and_exact_is_charged(currency: str, data: st.DataObject) -> None:
    limits = limits_of(currency)
    amount = exact(data.draw(st.integers(limits.least, limits.most)), currency)
    check_exact(amount, currency)
    check_charge(*to_stripe(Money(amount=amount, currency=currency)))


@pytest.mark.parametrize("currency", CODES)
def test_what_is_beyond_the_limits_is_charged_by_nobody(currency: str) -> None:
    limits = limits_of(currency)
    beyond = {amount for amount in (limits.least - 1, limits.most + 1) if 0 < amount <= MOST}
    for amount in beyond:
        with pytest.raises(Refusal):
            check_charge(*to_stripe(Money(amount=amount, currency=currency)))


@given(st.sampled_from(CODES), st.integers(1, MOST))
def test_what_is_not_exact_is_given_back_by_nobody(currency: str, amount: int) -> None:
    try:
        check_exact(amount, currency)
    except Invalid:
        with pytest.raises((Refusal, ValueError)):
            check_spelling(*to_stripe(Money(amount=amount, currency=currency)))
    else:
        check_spelling(*to_stripe(Money(amount=amount, currency=currency)))


def test_without_a_currency_the_widest_limits_are_told() -> None:
    assert (ANY.least, ANY.most) == (1, MOST)
    assert all(1 <= limits_of(code).least <= limits_of(code).most <= MOST for code in EXPONENTS)
