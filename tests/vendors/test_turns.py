"""Turns at a receiver: spread by how long it takes, never further away than is worth waiting."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta

import pytest

from domain.errors import NotNow
from tests.strategies import NOON
from vendors.callback.turns import CLOSEST, HOSTS_KEPT, LONGEST, SHARE, Turns


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def denied(turns: Turns, host: str = "a.example") -> timedelta:
    with pytest.raises(NotNow) as refusal, turns.take(host):
        raise AssertionError("it got a turn")
    return refusal.value.until - NOON


def hang_all(turns: Turns, hosts: list[str]) -> ExitStack:
    """As many calls of each as it may have, which end when the stack is closed."""
    calls = ExitStack()
    for host in hosts:
        with suppress(NotNow):
            while True:
                calls.enter_context(turns.take(host))
    return calls


@contextmanager
def a_busy_host(seconds: float) -> Iterator[Turns]:
    """One that has taken so long for each call, and has one under way in the only slot that it gets."""
    clock = Clock()
    turns = Turns(clock=clock, slots=SHARE)
    for _ in range(50):
        with turns.take("a.example"):
            clock.go(seconds)
    clock.now = NOON
    with turns.take("a.example"):
        yield turns


def test_those_who_wait_for_a_fast_receiver_come_close_together() -> None:
    with a_busy_host(0.001) as turns:
        assert [denied(turns) for _ in range(3)] == [CLOSEST, 2 * CLOSEST, 3 * CLOSEST]


def test_those_who_wait_for_a_slow_one_come_as_often_as_it_answers() -> None:
    with a_busy_host(15) as turns:
        first, second = denied(turns), denied(turns)
    assert (second - first).total_seconds() == pytest.approx(15, rel=0.01)


def test_a_thousand_who_wait_for_a_dead_one_come_within_minutes_and_not_all_at_once() -> None:
    with a_busy_host(15) as turns:
        waits = [denied(turns) for _ in range(1_000)]
    assert max(waits) <= LONGEST
    assert len(set(waits)) > 900


def test_however_many_receivers_hang_there_is_a_slot_for_another() -> None:
    clock = Clock()
    turns = Turns(clock=clock, slots=100)
    dead = [f"dead{number}.example" for number in range(60)]
    for _ in range(5):  # at first nobody knows them
        calls = hang_all(turns, dead)
        clock.go(15)
        calls.close()
    with hang_all(turns, dead), turns.take("well.example"), turns.take("new.example"):
        pass


def test_a_receiver_that_hangs_is_known_before_its_first_call_has_ended() -> None:
    clock = Clock()
    turns = Turns(clock=clock, slots=SHARE)
    with turns.take("a.example"):
        clock.go(10)
        first, second = denied(turns), denied(turns)
    assert second - first == timedelta(seconds=10)


def test_a_lane_of_one_slot_calls_a_slow_receiver_too() -> None:
    clock = Clock()
    turns = Turns(clock=clock, slots=1)
    for _ in range(10):
        with turns.take("a.example"):
            clock.go(15)


def test_a_call_that_breaks_gives_its_turn_back() -> None:
    turns = Turns(slots=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), turns.take("a.example"):
            raise ZeroDivisionError


def test_what_is_known_of_idle_hosts_does_not_grow_without_bound() -> None:
    turns = Turns(clock=Clock())
    for number in range(3 * HOSTS_KEPT):
        with turns.take(f"h{number}.example"):
            pass
    assert len(turns._hosts) <= HOSTS_KEPT
