"""Whose turn it is: the laws of round robin, with weights, over several processes, and by what is under way."""

import math
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.balancing.balancer import Balancer
from domain.balancing.instances import Instance, Strategy
from domain.breakers import CallOutcome
from tests.domain.balancing.clocks import HandClock

OFFSETS = st.integers(0, 50)
WEIGHTS = st.lists(st.integers(1, 20), min_size=1, max_size=6)
PAST = st.lists(
    st.tuples(st.sampled_from(["pick", "again", "fail", "ill", "well", "later", "follow"]), st.integers(0, 7))
)


def instances(weights: Iterable[int]) -> list[Instance]:
    return [Instance(f"http://{number}", weight) for number, weight in enumerate(weights)]


def balancer_of(*weights: int, offset: int | None = 0, strategy: Strategy = Strategy.ROUND_ROBIN) -> Balancer:
    balancer = Balancer(strategy, offset=offset)
    balancer.follow(instances(weights))
    return balancer


def picks(balancer: Balancer, times: int) -> list[str]:
    return [picked.url for _ in range(times) if (picked := balancer.pick())]


def difference(counts: Counter[str], urls: Iterable[str]) -> int:
    each = [counts[url] for url in urls]
    return max(each) - min(each)


@given(k=st.integers(1, 8), times=st.integers(0, 100), offset=OFFSETS)
def test_of_equal_weights_no_one_gets_more_than_one_call_more_than_another(k: int, times: int, offset: int) -> None:
    counts = Counter(picks(balancer_of(*[1] * k, offset=offset), times))
    assert difference(counts, [f"http://{number}" for number in range(k)]) <= 1


@given(past=PAST, weight=st.integers(1, 5), times=st.integers(1, 60))
def test_that_holds_from_any_moment_on_whatever_was_before(
    past: list[tuple[str, int]], weight: int, times: int
) -> None:
    clock = HandClock()
    balancer = Balancer(offset=0, clock=clock)
    balancer.follow(instances([weight * 3] * 8))
    for what, which in past:
        live_through(balancer, clock, what, instances([weight] * 8), which)
    balancer.follow(instances([weight] * 8))
    looks = balancer.looks()
    usable = [look.url for look in looks if look.healthy and look.ejected_until is None] or [look.url for look in looks]
    counts = Counter(picks(balancer, times))
    assert set(counts) <= set(usable)
    assert difference(counts, usable) <= 1


def live_through(balancer: Balancer, clock: HandClock, what: str, known: list[Instance], which: int) -> None:
    one = known[which]
    match what:
        case "pick":
            picks(balancer, which)
        case "again":
            balancer.pick(without={one.url})
        case "fail":
            for _ in range(5):
                balancer.begun(one)
                balancer.ended(one, CallOutcome.FAILED)
        case "ill" | "well":
            for _ in range(2):
                balancer.health(one.url, what == "well")
        case "later":
            clock.now += 5 * which
        case "follow":
            balancer.follow(known[which:])


@given(weights=WEIGHTS, offset=OFFSETS)
def test_over_a_cycle_weights_are_kept_exactly(weights: list[int], offset: int) -> None:
    balancer = balancer_of(*weights, offset=offset)
    common = math.gcd(*weights)
    for _ in range(2):
        counts = Counter(picks(balancer, sum(weights) // common))
        assert counts == {each.url: each.weight // common for each in instances(weights)}


def test_the_heavy_one_is_not_called_many_times_in_a_row() -> None:
    order = "".join(url[-1] for url in picks(balancer_of(5, 1, 1), 7))
    assert order == "0010200"


def test_three_thousand_calls_to_three_instances_differ_by_at_most_one() -> None:
    counts = Counter(picks(balancer_of(1, 1, 1, offset=None), 3000))
    assert difference(counts, counts) <= 1
    assert len(counts) == 3


@settings(max_examples=20)
@given(offsets=st.lists(st.integers(0, 999), min_size=3, max_size=3), seed=st.integers(0, 999))
def test_over_three_processes_they_differ_by_at_most_two_percent(offsets: list[int], seed: int) -> None:
    share = Random(seed)
    processes = [balancer_of(1, 1, 1, offset=offset) for offset in offsets]
    counts = Counter(url for _ in range(3000) for url in picks(share.choice(processes), 1))
    assert difference(counts, counts) <= 20
    assert len(counts) == 3


def test_processes_begin_at_different_places_of_their_cycles() -> None:
    firsts = Counter(url for offset in range(30) for url in picks(balancer_of(1, 1, 1, offset=offset), 1))
    assert difference(firsts, firsts) == 0
    assert len(firsts) == 3
    heavy = Counter(url for offset in range(30) for url in picks(balancer_of(4, 1, offset=offset), 1))
    assert heavy == {"http://0": 24, "http://1": 6}


def test_unless_told_where_a_process_begins_anywhere() -> None:
    firsts = {url for _ in range(200) for url in picks(balancer_of(1, 1, offset=None), 1)}
    assert len(firsts) == 2


def test_a_retry_goes_to_another_one_and_to_nobody_when_all_were_asked() -> None:
    balancer = balancer_of(1, 1, 1)
    asked: set[str] = set()
    while picked := balancer.pick(without=asked):
        asked.add(picked.url)
    assert len(asked) == 3


def test_a_higher_priority_number_is_for_when_nobody_of_a_lower_one_can_be_used() -> None:
    first, second, spare = Instance("http://1"), Instance("http://2"), Instance("http://3", 5, priority=1)
    balancer = Balancer(offset=7, clock=HandClock())
    balancer.follow([first, second, spare])
    assert Counter(picks(balancer, 10)) == {first.url: 5, second.url: 5}
    assert balancer.pick({first.url}) == second
    assert balancer.pick({first.url, second.url}) == spare
    for ill in (first, second, first, second):
        balancer.health(ill.url, ok=False)
    assert set(picks(balancer, 5)) == {spare.url}


def test_without_instances_there_is_nobody_to_pick() -> None:
    assert balancer_of().pick() is None


def test_who_is_new_takes_its_turn_and_gets_no_burst() -> None:
    balancer = balancer_of(1, 1)
    picks(balancer, 1001)
    balancer.follow(instances([1, 1, 1]))
    order = picks(balancer, 300)
    assert all(one != other for one, other in pairwise(order))
    assert set(Counter(order).values()) == {100}


def test_who_is_no_longer_listed_is_never_picked_and_its_late_end_does_not_matter() -> None:
    balancer = balancer_of(1, 1)
    gone = Instance("http://0")
    balancer.begun(gone)
    balancer.follow([Instance("http://1")])
    balancer.ended(gone, CallOutcome.FAILED)
    assert set(picks(balancer, 10)) == {"http://1"}
    balancer.follow([Instance("http://0"), Instance("http://1")])
    balancer.ended(gone, CallOutcome.FAILED)
    assert [look.outstanding for look in balancer.looks()] == [0, 0]


def test_a_list_that_comes_again_takes_nobodys_turn() -> None:
    balancer = balancer_of(1, 1, 1, offset=1)
    order = []
    for _ in range(6):
        balancer.follow(instances([1, 1, 1]))
        order += [url[-1] for url in picks(balancer, 1)]
    assert order == ["1", "2", "0"] * 2


def test_a_list_that_changes_keeps_what_is_known_of_those_that_stay() -> None:
    balancer = balancer_of(1, 1)
    stays = Instance("http://1", 7)
    balancer.begun(stays)
    balancer.follow([stays, Instance("http://2")])
    assert [(look.url, look.weight, look.outstanding) for look in balancer.looks()] == [
        ("http://1", 7, 1),
        ("http://2", 1, 0),
    ]


def begin(balancer: Balancer) -> Instance:
    picked = balancer.pick()
    assert picked is not None
    balancer.begun(picked)
    return picked


def test_least_outstanding_picks_whoever_has_the_fewest_calls_under_way() -> None:
    balancer = balancer_of(1, 1, 1, strategy=Strategy.LEAST_OUTSTANDING)
    slow = begin(balancer)
    for _ in range(10):
        quick = begin(balancer)
        assert quick.url != slow.url
        balancer.ended(quick, CallOutcome.OK)
    assert {begin(balancer).url for _ in range(2)} == {"http://0", "http://1", "http://2"} - {slow.url}


def test_least_outstanding_goes_by_weight() -> None:
    balancer = balancer_of(3, 1, strategy=Strategy.LEAST_OUTSTANDING)
    assert Counter(begin(balancer).url for _ in range(40)) == {"http://0": 30, "http://1": 10}


def test_least_outstanding_takes_turns_where_nobody_is_busy() -> None:
    balancer = balancer_of(1, 1, 1, strategy=Strategy.LEAST_OUTSTANDING)
    counts: Counter[str] = Counter()
    for _ in range(300):
        picked = begin(balancer)
        counts[picked.url] += 1
        balancer.ended(picked, CallOutcome.OK)
    assert set(counts.values()) == {100}
