"""Who is left out: ejected for its failures, or not well by the active checks."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.balancing.balancer import Balancer
from domain.balancing.instances import Instance
from domain.breakers import CallOutcome
from tests.domain.balancing.clocks import HandClock

FAILED, OK, IGNORED = CallOutcome.FAILED, CallOutcome.OK, CallOutcome.IGNORED
KNOWN = [Instance(f"http://{number}") for number in range(6)]
A, B, C = KNOWN[:3]
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(CallOutcome), st.integers(0, 5)),
        st.tuples(st.just("fails"), st.integers(0, 5)),
        st.tuples(st.just("later"), st.integers(1, 400)),
        st.tuples(st.just("ill"), st.integers(0, 5)),
        st.tuples(st.just("follow"), st.integers(0, 5)),
    ),
    max_size=60,
)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def balancer(clock: HandClock) -> Balancer:
    balancer = Balancer(offset=0, clock=clock)
    balancer.follow([A, B, C])
    return balancer


def end(balancer: Balancer, instance: Instance, *outcomes: CallOutcome) -> None:
    for outcome in outcomes:
        balancer.begun(instance)
        balancer.ended(instance, outcome)


def used(balancer: Balancer) -> set[str]:
    return {picked.url for _ in range(60) if (picked := balancer.pick())}


def urls(instances: Iterable[Instance]) -> set[str]:
    return {instance.url for instance in instances}


def ejected(balancer: Balancer) -> int:
    return sum(look.ejected_until is not None for look in balancer.looks())


def seconds_out(balancer: Balancer, clock: HandClock) -> float:
    began = clock.now
    while ejected(balancer):
        clock.now += 1
    return clock.now - began


def test_five_failures_in_a_row_leave_an_instance_out(balancer: Balancer) -> None:
    end(balancer, A, *[FAILED] * 4)
    assert used(balancer) == urls([A, B, C])
    end(balancer, A, FAILED)
    assert used(balancer) == urls([B, C])


def test_a_success_in_between_starts_the_count_again_and_what_says_nothing_does_not(balancer: Balancer) -> None:
    end(balancer, A, *[FAILED] * 4, OK, *[FAILED] * 4)
    assert used(balancer) == urls([A, B, C])
    end(balancer, A, *[IGNORED] * 9, FAILED)
    assert used(balancer) == urls([B, C])


def test_an_ejection_is_no_longer_than_the_longest_that_was_asked_for(clock: HandClock) -> None:
    balancer = Balancer(offset=0, clock=clock, longest_out_seconds=30)
    balancer.follow([A, B, C])
    end(balancer, A, *[FAILED] * 5)
    lasted = [seconds_out(balancer, clock)]
    for _ in range(3):
        end(balancer, A, FAILED)
        lasted.append(seconds_out(balancer, clock))
    assert lasted == [10, 20, 30, 30]


def test_it_is_back_after_ten_seconds_and_with_nothing_but_failures_after_twice_as_long_up_to_five_minutes(
    balancer: Balancer, clock: HandClock
) -> None:
    end(balancer, A, *[FAILED] * 4)
    waits = []
    for _ in range(7):
        end(balancer, A, FAILED)
        waits.append(seconds_out(balancer, clock))
    assert waits == [10, 20, 40, 80, 160, 300, 300]


def test_a_success_forgives_everything(balancer: Balancer, clock: HandClock) -> None:
    end(balancer, A, *[FAILED] * 5)
    clock.now += 10
    end(balancer, A, FAILED)
    end(balancer, A, OK)
    assert used(balancer) == urls([A, B, C])
    end(balancer, A, *[FAILED] * 4)
    assert not ejected(balancer)
    end(balancer, A, FAILED)
    assert seconds_out(balancer, clock) == 10


def test_late_failures_of_calls_from_before_make_it_no_longer(balancer: Balancer, clock: HandClock) -> None:
    end(balancer, A, *[FAILED] * 50)
    assert seconds_out(balancer, clock) == 10


def apply(balancer: Balancer, clock: HandClock, what: str, which: int) -> None:
    match what:
        case "fails":
            end(balancer, KNOWN[which], *[FAILED] * 5)
        case "later":
            clock.now += which
        case "ill":
            balancer.health(KNOWN[which].url, False)
        case "follow":
            balancer.follow(KNOWN[: which + 1])
        case _:
            end(balancer, KNOWN[which], CallOutcome(what))


@given(events=EVENTS)
def test_never_are_more_than_half_ejected_and_always_somebody_is_picked(events: list[tuple[str, int]]) -> None:
    clock = HandClock()
    balancer = Balancer(offset=0, clock=clock)
    balancer.follow(KNOWN)
    for what, which in events:
        apply(balancer, clock, what, which)
        assert ejected(balancer) * 2 <= len(balancer.looks())
        assert balancer.pick() is not None


def test_of_a_list_that_shrinks_half_are_let_back_in_those_first_that_would_be_back_first(clock: HandClock) -> None:
    balancer = Balancer(offset=0, clock=clock)
    balancer.follow(KNOWN)
    for instance in (A, B, C):
        end(balancer, instance, *[FAILED] * 5)
        clock.now += 1
    balancer.follow([C, B, A, KNOWN[3]])
    assert used(balancer) == urls([A, KNOWN[3]])
    clock.now += 60
    end(balancer, A, FAILED)  # let in, and not forgiven
    assert used(balancer) == urls([B, C, KNOWN[3]])


def test_the_only_one_is_never_ejected() -> None:
    balancer = Balancer()
    balancer.follow([A])
    end(balancer, A, *[FAILED] * 100)
    assert not ejected(balancer)


def test_who_is_ill_counts_among_the_half_that_may_be_out(balancer: Balancer) -> None:
    be_ill(balancer, A)
    end(balancer, B, *[FAILED] * 5)
    assert used(balancer) == urls([B, C])


def be_ill(balancer: Balancer, *instances: Instance) -> None:
    for instance in instances * 2:
        balancer.health(instance.url, False)


def test_two_bad_checks_in_a_row_leave_an_instance_out_and_one_good_brings_it_back(balancer: Balancer) -> None:
    for ok in (False, True, False):
        balancer.health(A.url, ok)
    assert used(balancer) == urls([A, B, C])
    for _ in range(5):
        balancer.health(A.url, False)
        assert used(balancer) == urls([B, C])
    balancer.health(A.url, True)
    assert used(balancer) == urls([A, B, C])


def test_when_all_are_out_all_are_used(balancer: Balancer) -> None:
    end(balancer, A, *[FAILED] * 5)
    be_ill(balancer, B, C)
    assert used(balancer) == urls([A, B, C])


def test_a_call_that_was_made_because_all_are_out_and_went_well_ends_the_ejection(balancer: Balancer) -> None:
    end(balancer, A, *[FAILED] * 5)
    be_ill(balancer, B, C)
    end(balancer, A, OK)
    assert used(balancer) == urls([A])


def test_well_again_by_its_checks_it_is_no_longer_ejected(balancer: Balancer) -> None:
    end(balancer, A, *[FAILED] * 5)
    be_ill(balancer, A)
    balancer.health(A.url, True)
    assert used(balancer) == urls([A, B, C])


def test_one_whose_checks_are_always_good_stays_ejected_for_its_failures(balancer: Balancer) -> None:
    end(balancer, A, *[FAILED] * 5)
    balancer.health(A.url, True)
    assert used(balancer) == urls([B, C])


def test_a_check_of_one_that_is_gone_does_not_matter(balancer: Balancer) -> None:
    balancer.health("http://nobody", False)
    assert used(balancer) == urls([A, B, C])


def test_looks_tell_what_came_of_its_calls(balancer: Balancer) -> None:
    end(balancer, A, *[FAILED] * 5, OK, IGNORED)
    balancer.begun(A)
    be_ill(balancer, A)
    first, second, _ = balancer.looks()
    assert (first.url, first.calls, first.failures, first.outstanding, first.healthy) == (A.url, 8, 5, 1, False)
    assert (second.calls, second.healthy, second.ejected_until) == (0, True, None)
