"""How the fleet stands, as figures: of the vendors, the stores and the instances, of which any may be away."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from cli.fleet_figures import FleetFigures, instances_up
from domain.balancing.instances import InstanceLook
from domain.breakers import BreakerLook, BreakerRules, BreakerState, CallOutcome
from domain.vendor_states import VendorState, Window
from domain.vendors import VendorPolicy
from tests.fakes import FakeHealthCheck
from tests.fakes_breakers import FakeBreakers
from tests.strategies import NOON

LIMITED = VendorState(
    "sync",
    VendorPolicy(),
    NOON,
    paused=True,
    closed_until=NOON + timedelta(seconds=4),
    windows=(Window(50, timedelta(seconds=1.025), 20),),
    running=3,
    queued=9,
    due=7,
    oldest_due=timedelta(seconds=2.5),
    breaker=BreakerLook(BreakerState.HALF_OPEN),
)
WELL = InstanceLook("http://10.0.0.1", 1, healthy=True, ejected_until=None, outstanding=0, calls=0, failures=0)
OUT = replace(WELL, url="http://10.0.0.2", ejected_until=NOON)
SICK = replace(WELL, url="http://10.0.0.3", healthy=False)


@dataclass
class FakeStandings:
    """`VendorStandings`."""

    states: Mapping[str, VendorState | None]

    async def all(self) -> Mapping[str, VendorState | None]:
        return self.states


@dataclass
class FakeInstances:
    known: list[InstanceLook] = field(default_factory=lambda: [WELL, OUT, SICK])

    def looks(self) -> Iterator[tuple[str, InstanceLook]]:
        return (("user", look) for look in self.known)


class World:
    def __init__(self, **states: VendorState | None) -> None:
        self.db, self.redis = FakeHealthCheck("db"), FakeHealthCheck("redis")
        self.breakers = FakeBreakers(BreakerRules(in_a_row=1))
        stores = (self.db, self.redis)
        self.figures = FleetFigures(FakeStandings(states), stores, FakeInstances(), self.breakers)

    async def read(self) -> dict[tuple[str, ...], float]:
        return {(one.name.removeprefix("gateway_"), *one.labels): one.value for one in await self.figures.read()}


async def test_how_a_vendor_stands_is_the_fleets() -> None:
    found = await World(sync=LIMITED).read()
    expected = {"queued_jobs": 9, "due_jobs": 7, "oldest_due_seconds": 2.5, "running_calls": 3, "paused": 1}
    for name, number in {**expected, "closed_seconds": 4, "breaker_open": 1}.items():
        assert found[f"vendor_{name}", "sync"] == number
    assert found["vendor_limit", "sync", "1.025"] == 50
    assert found["vendor_limit_used", "sync", "1.025"] == 20
    assert found["vendors_unread",] == 0


async def test_a_vendor_of_which_nothing_is_told_is_counted_and_left_out() -> None:
    found = await World(sync=LIMITED, acme=None).read()
    assert found["vendors_unread",] == 1
    assert ("vendor_queued_jobs", "acme") not in found


async def test_it_is_told_which_store_is_away() -> None:
    world = World(sync=LIMITED)
    world.db.fault = "away"
    found = await world.read()
    assert (found["store_up", "db"], found["store_up", "redis"]) == (0, 1)


async def test_the_breaker_of_each_instance_is_shown_while_its_store_tells() -> None:
    world = World()
    key = f"service:user:{OUT.url}"
    await world.breakers.report(key, await world.breakers.admit(key, timedelta(seconds=1)), CallOutcome.FAILED)
    found = await world.read()
    shown = {tuple(rest): value for (name, *rest), value in found.items() if name == "service_instance_breaker_open"}
    assert shown == {("user", WELL.url): 0, ("user", OUT.url): 1, ("user", SICK.url): 0}
    world.redis.fault = "away"
    assert not [name for name, *_ in await world.read() if name == "service_instance_breaker_open"]


def test_an_instance_that_failures_or_checks_keep_out_is_not_up() -> None:
    up = {single.labels: single.value for single in instances_up(FakeInstances())}
    assert up == {("user", WELL.url): 1, ("user", OUT.url): 0, ("user", SICK.url): 0}
