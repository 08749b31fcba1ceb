"""What is a card's and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.payments.card_data import find_card_data, has_card_number

CARDS = ["4242424242424242", "4000 0025 0000 3155", "5555-5555-5555-4444", "378282246310005", "6011111111111117"]
AS_PASTED = ["4242\u00a04242\u00a04242\u00a04242", "4242\u20134242\u20134242\u20134242", "4242_4242_4242_4242"]
DOTTED, FULL_WIDTH = (
    "4242.4242.4242.4242",
    "4242424242424242".translate({ord("0") + each: 0xFF10 + each for each in range(10)}),
)


@pytest.mark.parametrize("number", [*CARDS, *AS_PASTED, DOTTED, FULL_WIDTH])
def test_a_cards_number_is_found_wherever_it_stands(number: str) -> None:
    assert has_card_number(f"my card: {number}.")
    assert find_card_data({"a": [{"b": number}]}) == ("a", "0", "b")


def test_a_number_with_a_point_is_a_number() -> None:
    assert find_card_data({"a": 4242424242424242.0}) == ("a",)


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424241",
        "123456789012",
        "2026-11-21",
        "0198f0c2-7d00-7000-8000-3f1a5b2c4d6f",
        "52.5200066123456",
        "42424242.42424242",
        "4242, 4242, 4242, 4242",
        "1763759000000000000",
    ],
)
def test_other_numbers_are_left_alone(text: str) -> None:
    assert find_card_data({"a": text}) is None


@pytest.mark.parametrize("name", ["cardNumber", "card_number", "CVV", "cvc2", "security-code", "PAN"])
def test_a_field_is_a_cards_by_its_name_too(name: str) -> None:
    assert find_card_data({"x": {name: None}}) == ("x", name)


@given(st.recursive(st.none() | st.booleans() | st.floats(0, 10**12) | st.integers(0, 10**12), st.lists))
def test_short_numbers_are_never_a_cards(value: object) -> None:
    assert find_card_data({"a": value}) is None
