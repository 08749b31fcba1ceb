"""How the whole fleet stands, as figures: asked of the stores when somebody looks, however few of them answer."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.balancing.instances import InstanceLook
from domain.breakers import BreakerLook, BreakerState
from domain.errors import Unavailable
from domain.metrics import (
    BREAKER_OPEN,
    CLOSED,
    DUE,
    INSTANCE_BREAKER_OPEN,
    INSTANCE_UP,
    LIMIT,
    LIMIT_USED,
    OLDEST_DUE,
    PAUSED,
    QUEUED,
    RUNNING,
    STORE_UP,
    UNREAD,
    FleetGauge,
)
from domain.ports import HealthCheck
from domain.services import breaker_key
from domain.tallies import Single
from domain.vendor_states import VendorStandings, VendorState

PATIENCE_SECONDS = 0.5  # with a store: a scrape waits for ten seconds by default, and has others to make
BREAKERS_IN = "redis"


class Instances(Protocol):
    def looks(self) -> Iterator[tuple[str, InstanceLook]]: ...


class BreakerLooks(Protocol):
    async def looks(self, keys: Sequence[str]) -> list[BreakerLook]: ...


@dataclass(frozen=True, slots=True)
class FleetFigures:
    """By one process, of which `instances` are what it knows of services behind it."""

    standings: VendorStandings
    stores: Sequence[HealthCheck]
    instances: Instances
    breakers: BreakerLooks

    async def read(self) -> list[Single]:
        """Takes `PATIENCE_SECONDS` at most, or little more. What is away leaves its figures out."""
        vendors, stores = await asyncio.gather(self._vendors(), self._stores())
        of_instances = await self._open_breakers() if stores[BREAKERS_IN] else []
        up = [Single(STORE_UP.name, (name,), float(is_up)) for name, is_up in stores.items()]
        return [*vendors, *up, *of_instances]

    async def _vendors(self) -> list[Single]:
        states = await self.standings.all()
        read = [state for state in states.values() if state is not None]
        unread = Single(UNREAD.name, (), len(states) - len(read))
        return [unread, *(single for state in read for single in _of_vendor(state))]

    async def _stores(self) -> dict[str, bool]:
        answers = await asyncio.gather(*(_answers(store) for store in self.stores))
        return {store.name: answer for store, answer in zip(self.stores, answers, strict=True)}

    async def _open_breakers(self) -> list[Single]:
        known = [(service, look.url) for service, look in self.instances.looks()]
        looks = await self.breakers.looks([breaker_key(*instance) for instance in known])
        return [
            Single(INSTANCE_BREAKER_OPEN.name, instance, float(look.state is not BreakerState.CLOSED))
            for instance, look in zip(known, looks, strict=True)
        ]


def instances_up(instances: Instances) -> Iterator[Single]:
    """As one process sees those that there are now: who is gone leaves nothing behind."""
    for service, look in instances.looks():
        yield Single(INSTANCE_UP.name, (service, look.url), float(look.healthy and look.ejected_until is None))


async def _answers(store: HealthCheck) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await store.check()
    except (Unavailable, TimeoutError):
        return False
    return True


def _of_vendor(state: VendorState) -> Iterator[Single]:
    closed = max((state.closed_until - state.at).total_seconds(), 0.0) if state.closed_until else 0.0
    oldest = state.oldest_due.total_seconds() if state.oldest_due else 0.0
    values: list[tuple[FleetGauge, float]] = [
        *((QUEUED, state.queued), (DUE, state.due), (OLDEST_DUE, oldest)),
        *((RUNNING, state.running), (PAUSED, float(state.paused)), (CLOSED, closed)),
        (BREAKER_OPEN, float(state.broken)),
    ]
    for gauge, value in values:
        yield Single(gauge.name, (state.name,), value)
    for window in state.windows:
        labels = (state.name, f"{window.span.total_seconds():g}")
        yield Single(LIMIT.name, labels, window.amount)
        yield Single(LIMIT_USED.name, labels, window.used)
