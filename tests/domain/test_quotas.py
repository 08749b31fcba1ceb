"""Rates: whatever is accepted, the `limits` library reads as it was meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import parse_many

from domain.quotas import MOST_AT_ONCE, check_rate, is_rate

UNITS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
one = st.tuples(
    st.integers(1, MOST_AT_ONCE),
    st.sampled_from(["/", " / ", " per "]),
    st.integers(1, 99),
    st.sampled_from(sorted(UNITS)),
)


@given(st.lists(one, min_size=1, max_size=4))
def test_what_is_accepted_is_read_as_it_is_written(windows: list[tuple[int, str, int, str]]) -> None:
    rate = "; ".join(f"{amount}{per}{multiple} {unit}s" for amount, per, multiple, unit in windows)
    read = [(item.amount, item.get_expiry()) for item in parse_many(check_rate(rate))]
    assert read == [(amount, multiple * UNITS[unit]) for amount, _, multiple, unit in windows]


@given(st.text(st.sampled_from("0123456789 /per;secondminutehouday,|-.:\n"), max_size=40))
def test_whatever_is_accepted_can_be_read(text: str) -> None:
    if is_rate(text):
        assert all(1 <= item.amount <= MOST_AT_ONCE for item in parse_many(text))


@pytest.mark.parametrize(
    "rate", ["100/15minutes", "10/second", "1 per minute", "5/SECOND, 100/Hour | 7/day", "3/2 months"]
)
def test_the_librarys_notation_is_taken(rate: str) -> None:
    assert check_rate(rate) == rate
    assert parse_many(rate)


@pytest.mark.parametrize(
    "rate",
    [
        "",
        "fast",
        "100",
        "/minute",
        "100/",
        "0/minute",
        "100001/minute",
        "-1/minute",
        "1.5/minute",
        "1/0minutes",
        "1/minute;",
        "1/fortnight",
        "none",
        "1/second;" * 4 + "1/second",
        "٣/minute",
        "1/minute" + " " * 200,
    ],
    ids=range(16),
)
def test_another_is_refused_with_the_remedy(rate: str) -> None:
    assert not is_rate(rate)
    with pytest.raises(ValueError, match="write it like"):
        check_rate(rate)
