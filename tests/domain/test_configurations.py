"""Changes of configurations: meant for a version, on record before they are made, and once however often they come."""

from typing import Any

import pytest

from domain.accounts.audit import Act
from domain.accounts.doers import Doer
from domain.callers import Caller, Role
from domain.configurations import (
    Change,
    Changing,
    Configuration,
    read_own_name,
    read_service_name,
    read_text,
)
from domain.errors import BadSyntax, Invalid, NotFound, Outdated, Unavailable
from tests.fakes_accounts import FakeAuditLog
from tests.fakes_configurations import FakeConfigurations, a_configuration
from tests.strategies import NOON

ANN, BOB = Doer("user:ann", NOON), Doer("user:bob", NOON)
FIRST = Change("orders", '{"a":1}', new=True)


def meant_for(number: int, text: str = '{"a":2}') -> Change:
    return Change("orders", text, frozenset({f'"{number}"'}))


class World:
    def __init__(self, *versions: Configuration) -> None:
        self.configurations, self.audit = FakeConfigurations(), FakeAuditLog()
        if versions:
            self.configurations.stored["orders"] = [*versions]
        self.changing = Changing(self.configurations, self.audit)

    @property
    def numbers(self) -> list[int]:
        return [one.number for one in self.configurations.stored.get("orders", [])]


async def test_the_first_version_is_made_where_there_is_none() -> None:
    world = World()
    changed = await world.changing.put(FIRST, ANN)
    assert changed.created
    assert changed.configuration == a_configuration()
    assert await world.configurations.find("orders") == a_configuration()


async def test_a_change_makes_the_next_version_and_leaves_the_former() -> None:
    world = World(a_configuration())
    changed = await world.changing.put(meant_for(1, '{"a":"ä"}'), BOB)
    about = changed.configuration.about
    assert (about.number, about.size, about.changed_by, changed.created) == (2, 10, "user:bob", False)
    assert world.configurations.stored["orders"][0] == a_configuration()


@pytest.mark.parametrize("tags", [None, frozenset({'"9"', '"1"'})])
async def test_any_version_or_one_of_several_may_be_meant(tags: frozenset[str] | None) -> None:
    world = World(a_configuration())
    assert (await world.changing.put(Change("orders", "{}", tags), ANN)).configuration.number == 2


@pytest.mark.parametrize(
    ("versions", "change", "told"),
    [
        ([1, 2], meant_for(1), "version 2"),
        ([1], meant_for(2), "version 1"),
        ([1], Change("orders", "{}", frozenset()), "version 1"),
        ([1], Change("orders", "{}", new=True), "If-Match"),
        ([], meant_for(1), "If-None-Match"),
        ([], Change("orders", "{}", None), "If-None-Match"),
    ],
)
async def test_a_change_that_is_meant_for_another_version_changes_nothing(
    versions: list[int], change: Change, told: str
) -> None:
    world = World(*(a_configuration(number=number) for number in versions))
    with pytest.raises(Outdated, match=told):
        await world.changing.put(change, ANN)
    assert (world.numbers, world.audit.entries) == (versions, [])


async def test_the_same_change_once_more_is_answered_as_before() -> None:
    world = World()
    first = [await world.changing.put(FIRST, ANN) for _ in range(2)]
    second = [await world.changing.put(meant_for(1), ANN) for _ in range(2)]
    assert [changed.configuration.number for changed in (*first, *second)] == [1, 1, 2, 2]
    assert [changed.created for changed in first] == [True, False]
    assert (world.numbers, world.audit.acts) == ([1, 2], [Act.CONFIG_CHANGED] * 2)


@pytest.mark.parametrize("change", [FIRST, meant_for(1)])
async def test_of_two_people_who_make_the_same_change_one_learns_that_they_were_late(change: Change) -> None:
    world = World(*([] if change.new else [a_configuration()]))
    await world.changing.put(change, ANN)
    with pytest.raises(Outdated):
        await world.changing.put(change, BOB)


async def test_a_change_that_changed_back_meanwhile_is_not_taken_for_the_same_one() -> None:
    world = World(a_configuration())
    for number, text in ((1, '{"a":2}'), (2, '{"a":1}'), (3, '{"a":2}')):
        await world.changing.put(meant_for(number, text), ANN)
    with pytest.raises(Outdated):
        await world.changing.put(meant_for(1), ANN)


async def test_what_stands_there_already_makes_no_version() -> None:
    world = World(a_configuration())
    assert (await world.changing.put(meant_for(1, '{"a":1}'), BOB)).configuration == a_configuration()
    assert (world.numbers, world.audit.entries) == ([1], [])


async def test_the_record_names_the_version_and_no_value() -> None:
    world = World(a_configuration())
    await world.changing.put(meant_for(1, '{"password":"hunter2"}'), ANN)
    (entry,) = world.audit.entries
    assert (entry.act, entry.subject, entry.detail) == (Act.CONFIG_CHANGED, "config:orders", {"version": "2"})


async def test_nothing_is_changed_that_cannot_be_recorded() -> None:
    world = World()
    world.audit.down = True
    with pytest.raises(Unavailable):
        await world.changing.put(FIRST, ANN)
    assert world.numbers == []


class Overtaken(FakeConfigurations):
    """Somebody else takes each number first, so many times; whether it can be read yet, the test says."""

    def __init__(self, *, readable: bool = True, times: int = 1000) -> None:
        super().__init__()
        self._readable = readable
        self._times = times

    async def add(self, configuration: Configuration) -> bool:
        if self._times == 0:
            return await super().add(configuration)
        self._times -= 1
        if self._readable:
            await super().add(a_configuration(number=configuration.number, text=f'{{"other":{self._times}}}'))
        return False


@pytest.mark.parametrize(("readable", "raised"), [(True, Outdated), (False, Unavailable)])
async def test_who_loses_the_race_for_a_number_is_told_so(readable: bool, raised: type[Exception]) -> None:
    with pytest.raises(raised):
        await Changing(Overtaken(readable=readable), FakeAuditLog()).put(FIRST, ANN)


async def test_who_overwrites_whatever_is_there_is_not_refused_because_others_write_too() -> None:
    configurations, audit = Overtaken(times=3), FakeAuditLog()
    configurations.stored["orders"] = [a_configuration()]
    made = await Changing(configurations, audit).put(Change("orders", "{}", None), ANN)
    assert (made.configuration.number, made.configuration.text) == (5, "{}")
    assert [entry.detail["version"] for entry in audit.entries] == ["2", "3", "4", "5"]
    endless = Overtaken()
    endless.stored["orders"] = [a_configuration()]
    with pytest.raises(Unavailable):
        await Changing(endless, audit).put(Change("orders", "{}", None), ANN)


@pytest.mark.parametrize("name", ["", "Orders", "-orders", "a/b", "a b", "ä", "a" * 64, "service:orders", "orders\n"])
def test_what_cannot_be_a_services_name_has_no_configuration(name: str) -> None:
    with pytest.raises(NotFound):
        read_service_name(name)


def test_a_service_reads_what_is_named_after_it_and_an_admin_everything() -> None:
    orders, admin = Caller("service:orders", Role.SERVICE), Caller("user:ann", Role.ADMIN)
    assert read_own_name("orders", orders) == read_own_name("orders", admin) == "orders"
    for other in ("users", "order", "orders2"):
        with pytest.raises(NotFound):
            read_own_name(other, orders)


@pytest.mark.parametrize(
    ("body", "error", "pointers"),
    [
        (b'{"a":1,"a":2}', Invalid, ["/a"]),
        (b'{"a":[{"b":1,"b":2}]}', Invalid, ["/a/0/b"]),
        (b"[1]", Invalid, [""]),
        (b'"text"', Invalid, [""]),
        (b'{"a":' + b"[" * 64 + b"]" * 64 + b"}", Invalid, ["/a" + "/0" * 63]),
        (b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}", Invalid, ["/a"]),
        (b"", BadSyntax, [""]),
        (b'{"a":1,}', BadSyntax, [""]),
        (b'{"a":NaN}', BadSyntax, [""]),
        (b'{"a":"\xff"}', BadSyntax, [""]),
        (rb'{"a":"\ud800"}', BadSyntax, [""]),
    ],
    ids=range(11),
)
def test_what_readers_could_take_in_different_ways_is_refused(body: bytes, error: Any, pointers: list[str]) -> None:
    with pytest.raises(error) as refusal:
        read_text(body)
    assert [fault.pointer for fault in refusal.value.errors] == pointers


@pytest.mark.parametrize("body", ["{}", ' {"a" : 1.0e400, "b":"ä\\u0000", "$where":{"x.y":12345678901234567890}}\n'])
def test_the_text_is_kept_as_it_came(body: str) -> None:
    assert read_text(body.encode()) == body
