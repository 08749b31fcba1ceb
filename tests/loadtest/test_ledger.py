"""The bounds and counts of the ledger and of remembered keys, without a server."""

from hypothesis import given
from hypothesis import strategies as st

from loadtest.vendors.idempotency import RememberedReplies
from loadtest.vendors.ledger import Ledger, worst_window
from loadtest.vendors.misbehaviour import Fail, Slow
from loadtest.vendors.script import NORMAL, pick
from loadtest.vendors.wire import Exchange, Message, Reply, Request


async def _nothing_comes() -> Message:
    return {"type": "http.disconnect"}


async def _nobody_hears(_message: Message) -> None:
    return


def _exchange() -> Exchange:
    scope = {
        "method": "POST",
        "path": "/sync",
        "query_string": b"",
        "headers": [],
        "extensions": {
            "gateway.cut": {"abort": lambda: None},
            "gateway.arrived": {"at": 1.0, "at_monotonic": 2.0},
        },
    }
    return Exchange(scope, _nothing_comes, _nobody_hears)


def test_the_ledger_forgets_the_oldest_calls_and_says_so() -> None:
    ledger = Ledger(capacity=3)
    for _ in range(5):
        ledger.close(ledger.open("sync", _exchange()), 200)
    assert [call.number for call in ledger.calls()] == [3, 4, 5]
    assert [call.number for call in ledger.calls(since=1)] == [3, 4, 5]
    assert [call.number for call in ledger.calls(since=4)] == [5]
    assert ledger.stats().forgotten == 2


def test_only_the_last_bodies_are_kept() -> None:
    ledger = Ledger(bodies=1)
    for body in (b"1", b"2"):
        ledger.keep_body(ledger.open("sync", _exchange()), Request("POST", "/sync", {}, body))
    assert (ledger.body(1), ledger.body(2)) == (None, b"2")


def test_calls_that_are_open_stay_in_flight_when_the_rest_is_forgotten() -> None:
    ledger = Ledger()
    call = ledger.open("sync", _exchange())
    ledger.clear()
    assert ledger.stats().in_flight == 1
    ledger.close(call, 200)
    assert ledger.stats().in_flight == 0


def test_remembered_replies_are_bounded_by_number_and_by_bytes() -> None:
    by_number = RememberedReplies(most_keys=2)
    by_bytes = RememberedReplies(most_bytes=5)
    for key in "abc":
        by_number.remember(key, Reply(b"12", acted=True))
        by_bytes.remember(key, Reply(b"12", acted=True))
    assert [by_number.find(key) is None for key in "abc"] == [True, False, False]
    assert [by_bytes.find(key) is None for key in "abc"] == [True, False, False]


@given(st.lists(st.floats(0, 10), max_size=30), st.floats(0.01, 5))
def test_the_worst_window_is_what_counting_from_every_call_finds(moments: list[float], width: float) -> None:
    moments.sort()
    counted = (sum(1 for other in moments if moment <= other and other - moment < width) for moment in moments)
    assert worst_window(moments, width) == max(counted, default=0)


@given(st.integers(0, 20), st.integers(1, 5), st.integers(1, 5))
def test_a_script_is_played_in_order_and_ends_well(nth: int, fails: int, slows: int) -> None:
    script = (Fail(times=fails), Slow(times=slows))
    played = [script[0]] * fails + [script[1]] * slows
    assert pick(script, nth) == (played[nth] if nth < len(played) else NORMAL)
