"""Money is counted in whole minor units, and written as people of its currency write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.errors import Invalid
from domain.money import EXPONENTS, MOST, Money, read_currency, total_of, written

AMOUNTS = st.integers(0, MOST)


def usd(amount: int) -> Money:
    return Money(amount=amount, currency="USD")


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1999, "USD", "19.99 USD"),
        (5, "EUR", "0.05 EUR"),
        (0, "GBP", "0.00 GBP"),
        (1999, "JPY", "1999 JPY"),
        (1999, "KWD", "1.999 KWD"),
        (MOST, "CHF", "999999.99 CHF"),
    ],
)
def test_an_amount_is_written_with_its_currencys_digits(amount: int, currency: str, text: str) -> None:
    assert written(Money(amount=amount, currency=currency)) == text


@given(AMOUNTS, st.sampled_from(sorted(EXPONENTS)))
def test_nothing_is_rounded_in_writing(amount: int, currency: str) -> None:
    number, code = written(Money(amount=amount, currency=currency)).split()
    assert (int(number.replace(".", "")), code) == (amount, currency)
    assert len(number.partition(".")[2]) == EXPONENTS[currency]


@pytest.mark.parametrize("amount", [19.99, 1999.0, "1999", True, None], ids=repr)
def test_an_amount_is_an_integer_and_nothing_like_one(amount: object) -> None:
    with pytest.raises(ValidationError):
        Money.model_validate({"amount": amount, "currency": "USD"})


@given(st.lists(st.tuples(AMOUNTS, st.integers(1, 1_000)), min_size=1))
def test_a_total_is_exact(lines: list[tuple[int, int]]) -> None:
    assert total_of((usd(amount), quantity) for amount, quantity in lines).amount == sum(a * q for a, q in lines)


def test_a_total_is_of_one_currency() -> None:
    for parts in ([], [(usd(1), 1), (Money(amount=1, currency="EUR"), 1)]):
        with pytest.raises(ValueError, match="one currency"):
            total_of(parts)


def test_a_currency_may_come_in_any_case() -> None:
    assert [read_currency(text) for text in ("usd", "Jpy", "KWD")] == ["USD", "JPY", "KWD"]


@pytest.mark.parametrize("text", ["", "US", "USDX", "XXX", "XAU", "$", " USD", "ＵＳＤ", "ıSK", "ﬀ"])
def test_what_nobody_pays_in_is_refused_with_its_pointer(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_currency(text, "price/currency")
    assert [fault.pointer for fault in refusal.value.errors] == ["/price/currency"]
