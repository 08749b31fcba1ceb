"""How long a recovery is said to have taken."""

from loadtest.chaos.recovery import seconds_of_its_own


def test_a_recovery_is_counted_from_the_faults_own_end() -> None:
    assert seconds_of_its_own(10, 12, []) == 2


def test_it_is_counted_from_the_last_end_of_another_fault_in_between() -> None:
    assert seconds_of_its_own(10, 20, [11, 15]) == 5


def test_what_ended_before_or_ends_later_has_no_part_in_it() -> None:
    assert seconds_of_its_own(10, 20, [9, 21]) == 10
