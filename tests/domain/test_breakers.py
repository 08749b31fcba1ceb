"""The rules of a circuit breaker: when it opens, for how long, and who may try whether all is well again."""

from hypothesis import given
from hypothesis import strategies as st

from domain.breakers import Breaker, BreakerRules, BreakerState, CallOutcome, admitted, reported, spread_of

RULES = BreakerRules()
NOON = 1_800_000_000_000
EVEN = 1000  # no spread
OK, FAILED, IGNORED = CallOutcome.OK, CallOutcome.FAILED, CallOutcome.IGNORED


def after(*outcomes: CallOutcome, breaker: Breaker | None = None, now: int = NOON, token: str = "") -> Breaker:
    breaker = breaker or Breaker()
    for outcome in outcomes:
        breaker = reported(breaker, outcome, RULES, spread=EVEN, now=now, token=token)
    return breaker


def test_five_failures_in_a_row_open_it_for_five_seconds() -> None:
    assert after(*[FAILED] * 4).state(NOON) is BreakerState.CLOSED
    opened = after(*[FAILED] * 5)
    assert (opened.state(NOON), opened.row, opened.until) == (BreakerState.OPEN, 5, NOON + 5_000)
    assert opened.state(NOON + 4_999) is BreakerState.OPEN
    assert opened.state(NOON + 5_000) is BreakerState.HALF_OPEN


def test_one_success_ends_a_row_and_what_says_nothing_does_not() -> None:
    assert after(*[FAILED] * 4, OK, *[FAILED] * 4).state(NOON) is BreakerState.CLOSED
    assert after(*[FAILED] * 4, IGNORED, FAILED).state(NOON) is BreakerState.OPEN
    assert after(*[IGNORED] * 100) == Breaker()


def test_half_of_twenty_calls_open_it_and_half_of_fewer_do_not() -> None:
    assert after(*[FAILED, OK] * 9).state(NOON) is BreakerState.CLOSED
    assert after(*[OK, FAILED] * 10).state(NOON) is BreakerState.OPEN
    assert after(*[OK] * 11, *[FAILED, OK] * 9).state(NOON) is BreakerState.CLOSED


def test_what_is_older_than_the_window_no_longer_counts() -> None:
    old = after(*[FAILED, OK] * 9)
    assert after(OK, FAILED, breaker=old, now=NOON + 29_000).state(NOON + 29_000) is BreakerState.OPEN
    assert after(OK, FAILED, breaker=old, now=NOON + 30_000).state(NOON + 30_000) is BreakerState.CLOSED


def test_a_half_open_one_lets_one_probe_through_until_that_is_heard_of_or_taken_for_dead() -> None:
    now = NOON + 5_000
    probing, first = admitted(after(*[FAILED] * 5), "one", 30_000, now)
    same, second = admitted(probing, "two", 30_000, now + 29_999)
    assert (first, second, same) == (True, False, probing)
    other, third = admitted(probing, "three", 30_000, now + 30_000)
    assert (third, other.probe) == (True, "three")
    assert after(OK, breaker=other, token="one") == other  # it is no longer the probe
    assert admitted(after(IGNORED, breaker=other, token="three"), "four", 1, now)[1]


def test_a_probe_that_went_well_closes_it_and_forgets_all() -> None:
    probing, _ = admitted(after(*[FAILED] * 5), "one", 30_000, NOON + 5_000)
    assert after(OK, breaker=probing, token="one") == Breaker(closed_at=NOON)


def test_calls_that_began_before_it_was_closed_do_not_open_it_again() -> None:
    probing, _ = admitted(after(*[FAILED] * 5), "one", 30_000, NOON + 5_000)
    closed, late = after(OK, breaker=probing, now=NOON + 6_000, token="one"), NOON + 30_000
    for _ in range(50):
        closed = reported(closed, FAILED, RULES, spread=EVEN, now=late, age=24_001)
    assert closed.state(late) is BreakerState.CLOSED
    for _ in range(5):
        closed = reported(closed, FAILED, RULES, spread=EVEN, now=late, age=24_000)
    assert closed.state(late) is BreakerState.OPEN


def test_each_probe_that_failed_doubles_the_time_up_to_five_minutes() -> None:
    breaker, now, spans = after(*[FAILED] * 5), NOON, []
    for _ in range(9):
        spans.append(breaker.until - now)
        now = breaker.until
        breaker, _ = admitted(breaker, "one", 1, now)
        breaker = after(FAILED, breaker=breaker, now=now, token="one")
    assert spans == [5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000]


def test_the_words_of_calls_that_began_before_it_opened_change_nothing() -> None:
    opened = after(*[FAILED] * 5)
    assert after(OK, FAILED, FAILED, breaker=opened) == opened


@given(st.text(), st.text())
def test_a_key_spreads_its_openings_by_a_fifth_and_always_alike(key: str, other: str) -> None:
    assert 800 <= spread_of(key) <= 1200
    assert spread_of(key) == spread_of(key)
    assert 4_000 <= RULES.opening_ms(1, spread_of(other)) <= 6_000


def test_openings_of_any_number_are_as_long_as_the_longest() -> None:
    assert RULES.opening_ms(10**9, EVEN) == 300_000
