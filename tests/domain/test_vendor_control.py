"""An operator's word over a table's: what holds, and who is first of two that change it at once."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Conflict, NotFound, Outdated
from domain.vendor_control import NOTHING, TRIES, UNTOUCHED, Change, Control, Overrides, change_control, told
from domain.vendors import VendorPolicy
from tests.fakes import FakeVendorControls
from tests.strategies import NOON

TABLE = VendorPolicy(limit="50/second", concurrency=20, repeatable=True, attempts=5)

values = st.fixed_dictionaries(
    {},
    optional={
        "limit": st.none() | st.sampled_from(["1/second", "10/second; 100/hour"]),
        "concurrency": st.none() | st.integers(1, 100),
        "timeout_seconds": st.none() | st.floats(0.1, 600),
        "attempts": st.none() | st.integers(1, 100),
    },
)


def wish(tags: frozenset[str] | None = None, **values: Any) -> Change:
    return Change(values, "root", NOON, tags)


class Record:
    def __init__(self) -> None:
        self.notes: list[Mapping[str, str]] = []

    async def __call__(self, differences: Mapping[str, str]) -> None:
        self.notes.append(differences)


def test_what_is_said_wins_and_the_rest_is_the_tables() -> None:
    held = Overrides(limit="5/second", timeout_seconds=0.5).over(TABLE)
    assert held == replace(TABLE, limit="5/second", timeout=timedelta(seconds=0.5))
    assert Overrides(concurrency=3, attempts=9).over(TABLE) == replace(TABLE, concurrency=3, attempts=9)
    assert NOTHING.over(TABLE) is TABLE


def test_a_limit_that_a_call_no_longer_fits_into_gives_way_to_the_tables() -> None:
    """The table's cost may grow after an operator has spoken: a worker must start all the same."""
    assert Overrides(limit="5/second").over(replace(TABLE, cost=6)).limit == "50/second"


@given(first=values, second=values)
async def test_a_patch_once_more_changes_nothing_more(first: dict[str, Any], second: dict[str, Any]) -> None:
    controls, record = FakeVendorControls(sync=TABLE), Record()
    long_ago = frozenset({'"a version of long ago"'})
    for patch in (first, second):
        once = await change_control("sync", wish(**patch), controls, record)
        assert await change_control("sync", wish(long_ago, **patch), controls, record) == once
    stored = controls.stored.get("sync", UNTOUCHED)
    assert stored.overrides == replace(NOTHING, **{**first, **second})
    assert stored.version == len(record.notes)


async def test_of_two_who_read_the_same_version_the_second_is_told_to_read_again() -> None:
    controls, record = FakeVendorControls(sync=TABLE), Record()
    seen = frozenset({UNTOUCHED.tag})
    await change_control("sync", wish(seen, attempts=3), controls, record)
    with pytest.raises(Outdated):
        await change_control("sync", wish(seen, concurrency=4), controls, record)
    assert controls.stored["sync"].overrides == Overrides(attempts=3)


async def test_a_change_that_another_overtakes_is_refused_if_it_names_a_version_and_made_upon_it_if_not() -> None:
    controls, record = FakeVendorControls(sync=TABLE), Record()
    controls.meanwhile = [Control(1, Overrides(attempts=3))]
    with pytest.raises(Outdated):
        await change_control("sync", wish(frozenset({UNTOUCHED.tag}), concurrency=4), controls, record)
    controls.meanwhile = [Control(2, Overrides(attempts=4))]
    made = await change_control("sync", wish(concurrency=4), controls, record)
    assert (made.version, made.overrides) == (3, Overrides(concurrency=4, attempts=4))
    assert len(record.notes) == 2  # one for each wish, however many tries


async def test_what_another_changes_meanwhile_is_on_record_as_what_was() -> None:
    controls, record = FakeVendorControls(sync=TABLE), Record()
    controls.meanwhile = [Control(1, Overrides(attempts=3))]
    await change_control("sync", wish(attempts=4), controls, record)
    assert record.notes[-1] == {"attempts": "3 → 4"}


async def test_one_that_is_always_overtaken_gives_up() -> None:
    controls = FakeVendorControls(sync=TABLE)
    controls.meanwhile = [Control(version, Overrides(attempts=version)) for version in range(1, TRIES + 1)]
    with pytest.raises(Conflict):
        await change_control("sync", wish(concurrency=4), controls, Record())


async def test_a_vendor_of_no_table_is_not_found_and_its_overrides_stay() -> None:
    controls, record = FakeVendorControls(), Record()
    controls.stored["gone"] = kept = Control(1, Overrides(attempts=3))
    with pytest.raises(NotFound):
        await change_control("gone", wish(attempts=4), controls, record)
    assert (controls.stored["gone"], record.notes) == (kept, [])


def test_the_record_tells_what_was_and_what_is() -> None:
    assert told(Overrides(attempts=3), Overrides(limit="5/second")) == {
        "limit": "(table) → 5/second",
        "attempts": "3 → (table)",
    }
