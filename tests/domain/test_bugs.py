"""Programming errors: where they were met, and that of many the newest is told, with how often."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from domain.bugs import Bug, MetBugs, place_of
from domain.request_ids import dated_id
from tests.strategies import NOON


def bug(place: str = "worker/runner.py:93", after: int = 0, trace: str = "") -> Bug:
    return Bug(NOON + timedelta(seconds=after), "worker-1", "KeyError", place, "adapter failed", trace)


def test_the_place_is_the_last_of_our_code_and_not_a_librarys() -> None:
    with pytest.raises(ValueError, match="128-bit") as raised:
        dated_id(datetime(1960, 1, 1, tzinfo=UTC), "x")  # which the library's UUID refuses
    file, _, line = place_of(raised.value).partition(":")
    assert (file, line.isdecimal()) == ("domain/request_ids.py", True)


def test_what_was_never_in_our_code_has_a_place_too() -> None:
    with pytest.raises(ValueError, match="property name") as raised:
        json.loads("{")
    assert place_of(raised.value).startswith("decoder.py:")
    assert place_of(ValueError("never raised")) == "unknown"


def test_of_the_same_bug_the_newest_is_told_and_how_often() -> None:
    met = MetBugs()
    for number in range(3):
        met.note(bug(after=number, trace=f"t{number}"))
    met.note(bug("api/jobs.py:1"))
    same, other = met.take()
    assert (same.times, same.trace, same.at) == (3, "t2", NOON + timedelta(seconds=2))
    assert (other.place, other.times) == ("api/jobs.py:1", 1)
    assert met.take() == []
