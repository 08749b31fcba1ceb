"""What is taken at the door is what the processor charges, to the last digit and the least amount."""

import pytest

from domain.errors import Invalid
from domain.money import EXPONENTS, MOST, Money
from domain.payments.amounts import ANY, check_exact, limits_of
from loadtest.stripe.currencies import CURRENCIES, check_charge, check_spelling
from loadtest.stripe.refusals import Refusal
from vendors.stripe.currencies import NotChargeable, to_stripe

# Of those that Stripe takes: in others it says no to any amount.
CODES = sorted(code for code in EXPONENTS if code.lower() in CURRENCIES)


def exact(amount: int, currency: str) -> int:
    """The same, or the next below, as card networks take it."""
    step = 100 if currency == "MGA" else 10 if EXPONENTS[currency] == 3 else 1
    return max(step, amount - amount % step)


@pytest.mark.parametrize("currency", CODES)
def test_what_is_within_the_limits_and_exact_is_charged(currency: str) -> None:
    limits = limits_of(currency)
    for amount in {exact(amount, currency) for amount in (limits.least, limits.least + 123, limits.most)}:
        check_exact(amount, currency)
        check_charge(*to_stripe(Money(amount=amount, currency=currency)))


@pytest.mark.parametrize("currency", CODES)
def test_what_is_beyond_the_limits_is_charged_by_nobody(currency: str) -> None:
    limits = limits_of(currency)
    beyond = {amount for amount in (limits.least - 1, limits.most + 1) if 0 < amount <= MOST}
    for amount in beyond:
        with pytest.raises(Refusal):
            check_charge(*to_stripe(Money(amount=amount, currency=currency)))


@pytest.mark.parametrize("currency", CODES)
def test_what_is_given_back_must_be_exact_and_no_more(currency: str) -> None:
    for amount in range(1, 201):
        money = Money(amount=amount, currency=currency)
        try:
            check_exact(amount, currency)
        except Invalid:
            with pytest.raises((Refusal, NotChargeable)):
                check_spelling(*to_stripe(money))
        else:
            check_spelling(*to_stripe(money))


def test_without_a_currency_the_widest_limits_are_told() -> None:
    assert (ANY.least, ANY.most) == (1, MOST)
    assert all(1 <= limits_of(code).least <= limits_of(code).most <= MOST for code in EXPONENTS)
