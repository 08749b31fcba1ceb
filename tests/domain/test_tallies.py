"""Figures of one process: what was counted is what is shown, and nothing grows without bound."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.metrics import CATALOGUE, Counter, Gauge, Histogram
from domain.tallies import MOST_SERIES, OTHER, Single, Spread, Tallies

CALLS = Counter("calls_total", "Calls.", ("vendor",))
SECONDS = Histogram("call_seconds", "Of calls.", ("vendor",), buckets=(0.1, 1.0))
SINCE = Gauge("since_seconds", "Since.")


@pytest.fixture
def tallies() -> Tallies:
    return Tallies()


def test_what_is_counted_twice_is_two(tallies: Tallies) -> None:
    tallies.add(CALLS, "acme")
    tallies.add(CALLS, "acme", by=3)
    tallies.add(CALLS, "globex")
    assert tallies.of(CALLS, "acme") == 4
    assert tallies.snapshot().singles == (
        Single("calls_total", ("acme",), 4),
        Single("calls_total", ("globex",), 1),
    )


def test_a_gauge_is_what_was_said_last(tallies: Tallies) -> None:
    tallies.set(SINCE, 5)
    tallies.set(SINCE, 3)
    assert tallies.of(SINCE) == 3


def test_a_value_falls_into_the_lowest_bucket_that_holds_it(tallies: Tallies) -> None:
    for seconds in (0.05, 0.1, 0.5, 7.0):
        tallies.observe(SECONDS, seconds, "acme")
    (spread,) = tallies.snapshot().spreads
    assert spread == Spread("call_seconds", ("acme",), (2, 1, 1), 0.05 + 0.1 + 0.5 + 7.0)
    assert tallies.of(SECONDS, "acme") == 4


@given(st.lists(st.floats(0, 1e6, allow_nan=False), max_size=30))
def test_every_value_is_in_one_bucket(values: list[float]) -> None:
    tallies = Tallies()
    for value in values:
        tallies.observe(SECONDS, value, "acme")
    assert tallies.of(SECONDS, "acme") == len(values)
    assert sum(spread.total for spread in tallies.snapshot().spreads) == pytest.approx(sum(values))


def test_a_label_without_bound_ends_as_other(tallies: Tallies) -> None:
    for number in range(MOST_SERIES + 50):
        tallies.add(CALLS, f"vendor-{number}")
        tallies.observe(SECONDS, 0.1, f"vendor-{number}")
    assert len(tallies.snapshot().singles) == len(tallies.snapshot().spreads) == MOST_SERIES + 1
    assert tallies.of(CALLS, OTHER) == tallies.of(SECONDS, OTHER) == 50
    tallies.add(CALLS, "vendor-1")
    assert tallies.of(CALLS, "vendor-1") == 2


def test_the_catalogue_names_each_metric_once_and_buckets_rise() -> None:
    names = [metric.name for metric in CATALOGUE]
    assert len(names) == len(set(names))
    for metric in CATALOGUE:
        assert metric.name.endswith("_total") == isinstance(metric, Counter)
        if isinstance(metric, Histogram):
            assert all(lower < upper for lower, upper in pairwise(metric.buckets))
