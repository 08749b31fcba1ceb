"""What is told of a change of the settings: once for the fleet, plainly where it is harmless, and nothing else."""

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.accounts.audit import Act
from domain.accounts.doers import Doer
from domain.accounts.marks import Marks
from domain.accounts.settings_changes import MOST_TOLD, Fact, Process, Recorded, decide, weigh

OLD, NEW = Marks.of([b"old"]), Marks.of([b"new"])
ROTATED = Marks.of([b"new", b"old"])
REDIS = "redis://:hunter2-hunter2@store/0"


def facts(**texts: Any) -> dict[str, Fact]:
    """Plain ones; a name that ends in `_URL` is a secret's."""
    return {name.replace("__", "."): Fact(str(text), secret=name.endswith("_URL")) for name, text in texts.items()}


def started(recorded: Recorded | None, kind: str = "http", marks: Marks = OLD, **texts: Any) -> Any:
    return weigh(recorded, facts(**texts), marks, kind)


def test_the_first_start_has_nothing_to_tell() -> None:
    recorded, changes = started(None, GATEWAY_DAYS=30, GATEWAY_REDIS_URL=REDIS)
    assert changes == {}
    assert started(recorded, GATEWAY_DAYS=30, GATEWAY_REDIS_URL=REDIS) == (recorded, {})


def test_a_change_is_told_with_both_values_where_it_is_harmless() -> None:
    recorded, _ = started(None, GATEWAY_DAYS=30, GATEWAY_LIMIT="")
    _, changes = started(recorded, GATEWAY_DAYS=7, GATEWAY_LIMIT="1/second")
    assert changes == {"GATEWAY_DAYS": "30 → 7", "GATEWAY_LIMIT": "(none) → 1/second"}


@pytest.mark.parametrize(("before", "after"), [(REDIS, "redis://store/1"), ("", REDIS), (REDIS, "")])
def test_of_a_secret_is_told_that_it_has_changed(before: str, after: str) -> None:
    recorded, _ = started(None, GATEWAY_REDIS_URL=before)
    after_it, changes = started(recorded, GATEWAY_REDIS_URL=after)
    assert changes == {"GATEWAY_REDIS_URL": "(changed)"}
    assert "hunter2" not in repr((recorded, after_it))


def test_the_second_process_to_start_has_nothing_to_add() -> None:
    for kinds in (("http", "worker"), ("worker", "http"), ("http", "http")):
        recorded: Recorded | None = None
        for kind in ("http", "worker"):
            recorded, _ = started(recorded, kind, GATEWAY_DAYS=30)
        told = []
        for kind in kinds:
            recorded, changes = started(recorded, kind, GATEWAY_DAYS=7)
            told.append(changes)
        assert told == [{"GATEWAY_DAYS": "30 → 7"}, {}]


def test_kinds_that_differ_for_good_say_so_once() -> None:
    recorded, _ = started(None, "http", GATEWAY_DAYS=30)
    recorded, changes = started(recorded, "worker", GATEWAY_DAYS=7)
    assert changes == {"GATEWAY_DAYS": "30 → 7"}
    for kind, days in (("http", 30), ("worker", 7), ("http", 30), ("worker", 7)):
        recorded, changes = started(recorded, kind, GATEWAY_DAYS=days)
        assert changes == {}


def test_a_setting_that_only_one_kind_goes_by_is_told_by_it() -> None:
    recorded, _ = started(None, "http", GATEWAY_DAYS=30)
    recorded, changes = started(recorded, "worker", GATEWAY_DAYS=30, GATEWAY_PAGES="a")
    assert changes == {}
    recorded, changes = started(recorded, "http", GATEWAY_DAYS=30)
    assert changes == {}
    assert started(recorded, "worker", GATEWAY_DAYS=30, GATEWAY_PAGES="b")[1] == {"GATEWAY_PAGES": "a → b"}


def test_a_vendor_that_comes_or_goes_is_told_with_all_that_its_table_says() -> None:
    recorded, _ = started(None, vendors__sync__attempts=5)
    with_two, changes = started(recorded, vendors__sync__attempts=5, vendors__acme__attempts=3)
    assert changes == {"vendors.acme.attempts": "(none) → 3"}
    for kind, told in (("http", {"vendors.acme.attempts": "3 → (none)"}), ("worker", {})):
        with_two, changes = started(with_two, kind, vendors__sync__attempts=5)
        assert changes == told


def test_a_change_and_its_taking_back_are_two() -> None:
    recorded, _ = started(None, GATEWAY_DAYS=30)
    recorded, _ = started(recorded, GATEWAY_DAYS=7)
    assert started(recorded, GATEWAY_DAYS=30)[1] == {"GATEWAY_DAYS": "7 → 30"}


def test_a_new_key_of_marks_beside_the_former_hides_no_change() -> None:
    recorded, _ = started(None, GATEWAY_REDIS_URL=REDIS)
    assert started(recorded, marks=ROTATED, GATEWAY_REDIS_URL=REDIS)[1] == {}
    assert started(recorded, marks=ROTATED, GATEWAY_REDIS_URL="redis://other")[1] == {"GATEWAY_REDIS_URL": "(changed)"}


def test_where_the_key_of_marks_is_lost_that_is_the_change() -> None:
    recorded, _ = started(None, GATEWAY_REDIS_URL=REDIS, vendors__sync__URL="https://a", GATEWAY_DAYS=30)
    said: dict[str, Any] = {"GATEWAY_REDIS_URL": REDIS, "vendors__sync__URL": "https://a"}
    recorded, changes = started(recorded, marks=NEW, **said, GATEWAY_DAYS=7)
    assert changes == {"GATEWAY_JWT_SECRET": "(changed)", "GATEWAY_DAYS": "30 → 7"}
    assert started(recorded, marks=NEW, **said, GATEWAY_DAYS=7)[1] == {}


def test_many_changes_are_counted_beyond_a_hundred() -> None:
    names = [f"GATEWAY_{number:03}" for number in range(MOST_TOLD + 7)]
    before: dict[str, Any] = dict.fromkeys(names, "a")
    after: dict[str, Any] = dict.fromkeys(names, "b" * 1000)
    recorded, _ = started(None, **before)
    _, changes = started(recorded, **after)
    assert (len(changes), changes["more"]) == (MOST_TOLD + 1, "7")
    assert max(map(len, changes.values())) < 300


def test_the_entry_says_which_process_saw_it() -> None:
    doer, process = Doer("operator", datetime.now(UTC)), Process("worker", "machine-1")
    recorded, none = decide(facts(GATEWAY_DAYS=30), OLD, process, doer)(None)
    assert none is None
    _, entry = decide(facts(GATEWAY_DAYS=7), OLD, process, doer)(recorded)
    assert entry is not None
    assert (entry.act, entry.actor, entry.subject) == (Act.SETTINGS_CHANGED, "operator", "settings")
    assert entry.detail == {"GATEWAY_DAYS": "30 → 7", "process": "worker", "host": "machine-1"}


def test_a_mark_tells_equal_from_other_and_hangs_on_the_key() -> None:
    assert OLD.mark("a") == OLD.mark("a") == ROTATED.mark("a", OLD.newest)
    assert len({OLD.mark("a"), OLD.mark("b"), NEW.mark("a")}) == 3
    assert "secret" not in repr(Marks.of([b"secret"]))
