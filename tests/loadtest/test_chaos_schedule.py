"""The plan of a run's faults, as laws."""

from hypothesis import given
from hypothesis import strategies as st

from loadtest.chaos.schedule import DECK, QUIET_SHARE, plan

SEEDS = st.integers(min_value=0, max_value=2**32)
MINUTES = st.floats(min_value=0.2, max_value=60)


@given(SEEDS, MINUTES)
def test_the_same_seed_makes_the_same_plan(seed: int, minutes: float) -> None:
    assert plan(seed, minutes) == plan(seed, minutes)


@given(SEEDS)
def test_another_seed_makes_another_plan(seed: int) -> None:
    assert plan(seed, 5) != plan(seed + 1, 5)


@given(SEEDS, MINUTES, st.integers(0, 200))
def test_faults_come_in_order_and_leave_the_end_in_peace(seed: int, minutes: float, kills: int) -> None:
    moments = [fault.at for fault in plan(seed, minutes, kills)]

    assert moments == sorted(moments)
    assert all(0 < at <= minutes * 60 * (1 - QUIET_SHARE) + 0.001 for at in moments)


@given(SEEDS)
def test_every_kind_hits_every_sort_of_target_in_a_long_plan(seed: int) -> None:
    struck = {(fault.kind, fault.target) for fault in plan(seed, 10)}

    for card in DECK:
        assert any((card.kind, target) in struck for target in card.targets), card


@given(SEEDS, st.integers(1, 150))
def test_as_many_processes_are_killed_as_were_wished(seed: int, kills: int) -> None:
    assert sum(fault.kills for fault in plan(seed, 2, kills)) >= kills


@given(SEEDS, MINUTES)
def test_nothing_is_away_for_longer_than_its_card_says(seed: int, minutes: float) -> None:
    for fault in plan(seed, minutes):
        assert any(
            card.kind is fault.kind and fault.target in card.targets and card.shortest <= fault.seconds <= card.longest
            for card in DECK
        )
