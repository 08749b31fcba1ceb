"""The limit on failures: twenty a minute and pair, forgiven together, and bounded whatever comes."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import RateLimitItemPerMinute

from domain.infra.failure_limit import MOST_COUNTED, BoundedCounts, WindowedFailureLimit


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limit(clock: Clock) -> WindowedFailureLimit:
    return WindowedFailureLimit(clock=clock)


def spend(limit: WindowedFailureLimit, who: str = "192.0.2.1", vendor: str = "acme", times: int = 20) -> None:
    assert [limit.failed(who, vendor) for _ in range(times)] == [None] * times


def test_twenty_failures_are_tolerated_and_the_next_is_told_when_to_come_back(
    limit: WindowedFailureLimit, clock: Clock
) -> None:
    spend(limit, times=1)
    clock.now += 45
    spend(limit, times=19)
    assert limit.failed("192.0.2.1", "acme") == timedelta(seconds=15)
    clock.now += 14
    assert limit.failed("192.0.2.1", "acme") == timedelta(seconds=1)


def test_a_minute_after_the_first_failure_all_are_forgiven_whatever_came_meanwhile(
    limit: WindowedFailureLimit, clock: Clock
) -> None:
    spend(limit)
    for _ in range(100):
        clock.now += 0.5
        assert limit.failed("192.0.2.1", "acme")
    clock.now += 10
    spend(limit)
    assert limit.failed("192.0.2.1", "acme")


def test_addresses_and_vendors_are_counted_apart(limit: WindowedFailureLimit) -> None:
    spend(limit)
    spend(limit, who="192.0.2.2")
    spend(limit, vendor="globex")
    assert limit.failed("192.0.2.1", "acme")


def test_a_flood_of_addresses_keeps_no_more_than_the_bound_and_forgets_the_oldest_first(clock: Clock) -> None:
    counts = BoundedCounts(clock, most=3)
    for name in ("a", "b", "c", "a", "d"):
        counts.incr(name, 60)
    assert [counts.get(name) for name in "abcd"] == [0, 1, 1, 1]


def test_what_has_ended_makes_room(clock: Clock) -> None:
    counts = BoundedCounts(clock, most=1_000)
    for number in range(1_000):
        counts.incr(str(number), 60)
    clock.now += 61
    counts.incr("new", 60)
    assert counts.reset() == 1


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(0, 90)), max_size=80))
def test_no_history_keeps_more_than_the_bound_or_counts_wrong(steps: list[tuple[str, float]]) -> None:
    clock = Clock()
    counts = BoundedCounts(clock, most=6)
    windows: dict[str, tuple[int, float]] = {}
    for name, later in steps:
        clock.now += later
        count, ends_at = windows.get(name, (0, 0.0))
        windows[name] = (count + 1, ends_at) if ends_at > clock.now else (1, clock.now + 60)
        assert counts.incr(name, 60) == windows[name][0]
        assert counts.get_expiry(name) == windows[name][1]
    assert counts.reset() <= 6


def test_the_bound_holds_for_as_many_as_may_be(clock: Clock) -> None:
    limit = WindowedFailureLimit(RateLimitItemPerMinute(1), clock=clock)
    for number in range(MOST_COUNTED + 1):
        limit.failed(str(number), "acme")
    assert limit.failed("0", "acme") is None  # forgotten
    assert limit.failed(str(MOST_COUNTED), "acme") is not None
