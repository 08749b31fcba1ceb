"""The pace of a lane: long calls are spread, short ones are not held up."""

from hypothesis import given
from hypothesis import strategies as st

from worker.pace import LONGEST_PAUSE, Pace


def test_a_lane_that_knows_nothing_yet_takes_all_at_once() -> None:
    assert Pace(100).ask(100) == 100
    assert Pace(100).pause_after(100) == 0.0


def test_short_calls_are_not_held_up() -> None:
    pace = Pace(100)
    for _ in range(100):
        pace.note(0.02)
    assert pace.ask(100) == 100
    assert pace.pause_after(20) == 0.0


def test_long_calls_are_spread_over_a_tenth_of_their_length() -> None:
    pace = Pace(100)
    for _ in range(100):
        pace.note(5.0)
    assert pace.ask(100) == 5
    assert 0.4 < 20 * pace.pause_after(5) <= 0.5


@given(st.lists(st.floats(0, 86_400), max_size=50), st.integers(0, 10_000), st.integers(1, 10_000))
def test_no_pause_holds_a_stop_up(calls: list[float], claimed: int, slots: int) -> None:
    pace = Pace(slots)
    for seconds in calls:
        pace.note(seconds)
    assert 0.0 <= pace.pause_after(claimed) <= LONGEST_PAUSE
