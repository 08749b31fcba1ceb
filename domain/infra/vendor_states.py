"""
How vendors stand: read from Redis, each at most once a second however many ask, and those that are asked for together
in one round trip.

Who asks waits for a moment only: a store that hangs must not hold up the reading of a job, whose truth is in
MongoDB. What their last calls came to is MongoDB's to say: see `kept_calls`.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from domain.balancing.instances import Instance
from domain.errors import ConfigurationError, NotFound, Unavailable
from domain.infra.batching import Batcher
from domain.infra.instance_looks import NO_INSTANCES, InstanceLooks
from domain.infra.kept_calls import KeptCalls, keep_calls
from domain.infra.limits import CallLimits
from domain.infra.mongo import Database
from domain.infra.queue import Queue
from domain.infra.readings import Reading, Readings, read_within
from domain.infra.recent_calls import RecentCalls
from domain.infra.redis import REDIS_FAULTS
from domain.infra.vendor_looks import VendorLook
from domain.infra.vendor_pauses import UNREAD, VendorPauses
from domain.jobs import Job
from domain.ports import Queued
from domain.vendor_control import Control, KnownControls, NoControls
from domain.vendor_states import UNTOLD, InstanceState, VendorState, Window
from domain.vendors import VendorPolicy

FRESH_SECONDS = 1.0
PATIENCE_SECONDS = 0.5
LARGEST_RANKING = 200
LARGEST_LOOK = 100  # vendors of one round trip: nobody who waits for one of them waits for more

Ranks = Batcher[Queued, int | None]


@dataclass(slots=True)
class _Asked:
    """
    One vendor. `reading` is of all that were asked for together; missing in it are those whose limit nobody could
    keep to, and None is that Redis did not answer.
    """

    name: str
    reading: Reading[dict[str, VendorState] | None]
    control: Control
    whole: VendorState | None = None  # with what its last calls came to, once somebody has asked for that

    def holds(self, control: Control) -> bool:
        return self.control == control and not self.reading.is_over(FRESH_SECONDS)

    @property
    def is_unread(self) -> bool:
        return not self.reading.task.done() or self.reading.task.result() is None

    def found(self) -> VendorState | None:
        states = self.reading.task.result() if self.reading.task.done() else None
        return None if states is None else states.get(self.name)


class StoredVendorStates:
    """`VendorStates` and `VendorStandings`. `policies`, those of the tables, may change while it is used."""

    def __init__(  # noqa: PLR0913 - what it reads from
        self,
        database: Database,
        queue: Queue,
        policies: Mapping[str, VendorPolicy],
        *,
        ranks: Ranks,
        calls: KeptCalls,
        controls: KnownControls | None = None,
        instances: Mapping[str, Sequence[Instance]] = NO_INSTANCES,
    ) -> None:
        self._queue = queue
        self._policies = policies
        self._ranks = ranks
        self._calls = calls
        self._controls = controls or NoControls()
        self._asked: dict[str, _Asked] = {}
        self.readings = Readings()
        self._instances = InstanceLooks(queue, instances, self.readings)
        self._pauses = VendorPauses(database, queue)

    def names(self) -> Sequence[str]:
        return tuple(self._policies)

    async def look(self, vendor: str) -> VendorState | None:
        table = self._policies.get(vendor)
        if table is None:
            return None
        state = self._still(vendor) or (await self._with_calls({vendor: table})).get(vendor)
        if state is None:
            raise _unavailable()
        return state

    async def looks(self, vendors: Collection[str]) -> Mapping[str, VendorState]:
        tables = {name: table for name, table in self._policies.items() if name in vendors}
        known = {name: state for name in tables if (state := self._still(name))}
        return known | await self._with_calls({name: table for name, table in tables.items() if name not in known})

    async def all(self) -> Mapping[str, VendorState | None]:
        asked = self._ask(dict(self._policies.items()))
        await read_within(PATIENCE_SECONDS, (each.reading for each in asked))
        return {each.name: each.found() for each in asked}

    async def instances(self, vendor: str) -> Sequence[InstanceState] | None:
        return await self._instances.of(vendor)

    async def ahead(self, job: Job) -> int | None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._ranks.submit(Queued.of(job))
        except REDIS_FAULTS:
            raise _unavailable() from None

    async def pause(self, vendor: str, by: str) -> None:
        await self._switch(vendor, paused=True, by=by)

    async def resume(self, vendor: str, by: str) -> None:
        await self._switch(vendor, paused=False, by=by)

    def _still(self, vendor: str) -> VendorState | None:
        """As it was told within the last second: jobs that are read ask again and again."""
        asked = self._asked.get(vendor)
        return asked.whole if asked is not None and asked.holds(self._controls.of(vendor)) else None

    async def _with_calls(self, tables: Mapping[str, VendorPolicy]) -> dict[str, VendorState]:
        """Raises `Unavailable` where one of them is not read in time: a list without it would look whole."""
        asked = self._ask(tables)
        recent = await self._calls.of(tables)  # meanwhile
        await read_within(PATIENCE_SECONDS, (each.reading for each in asked))
        if any(each.is_unread for each in asked):
            raise _unavailable()
        for each in asked:
            if each.whole is None and (state := each.found()) is not None:
                each.whole = replace(state, recent=recent[each.name])
        return {each.name: each.whole for each in asked if each.whole is not None}

    def _ask(self, tables: Mapping[str, VendorPolicy]) -> list[_Asked]:
        """A reading of each, begun where there is none that holds."""
        controls = {name: self._controls.of(name) for name in tables}
        due = [name for name in tables if name not in self._asked or not self._asked[name].holds(controls[name])]
        for first in range(0, len(due), LARGEST_LOOK):
            lot = {name: (tables[name], controls[name]) for name in due[first : first + LARGEST_LOOK]}
            reading = self.readings.begin(self._look_at(lot))
            self._asked |= {name: _Asked(name, reading, control) for name, (_, control) in lot.items()}
        return [self._asked[name] for name in tables]

    async def _look_at(self, lot: Mapping[str, tuple[VendorPolicy, Control]]) -> dict[str, VendorState] | None:
        policies = {name: control.overrides.over(table) for name, (table, control) in lot.items()}
        policies = {name: policy for name, policy in policies.items() if _can_be_kept(name, policy)}
        try:
            looks = await self._queue.looks.vendors(policies)
        except REDIS_FAULTS:
            return None
        states = {name: state_of(name, policies[name], look) for name, look in looks.items()}
        return {name: replace(state, table=lot[name][0], control=lot[name][1]) for name, state in states.items()}

    async def _switch(self, vendor: str, *, paused: bool, by: str) -> None:
        if vendor not in self._policies:
            raise NotFound("Vendor not found")
        try:
            await self._pauses.switch(vendor, paused=paused, by=by)
        finally:
            self._asked.pop(vendor, None)


@asynccontextmanager
async def open_vendor_states(
    database: Database,
    queue: Queue,
    policies: Mapping[str, VendorPolicy],
    controls: KnownControls | None = None,
    instances: Mapping[str, Sequence[Instance]] = NO_INSTANCES,
) -> AsyncIterator[StoredVendorStates]:
    source = RecentCalls(database)
    async with (
        Batcher(queue.looks.ranks, largest=LARGEST_RANKING, patience_seconds=PATIENCE_SECONDS) as ranks,
        keep_calls(lambda vendors: source.read(vendors, datetime.now(UTC))) as calls,
    ):
        states = StoredVendorStates(
            database, queue, policies, ranks=ranks, calls=calls, controls=controls, instances=instances
        )
        try:
            yield states
        finally:
            await states.readings.close()


def state_of(vendor: str, policy: VendorPolicy, look: VendorLook) -> VendorState:
    limits = CallLimits.of(vendor, policy)
    spans = [timedelta(microseconds=window.micros + limits.guard_micros) for window in limits.windows]
    parts = zip(limits.windows, spans, look.used, strict=True)
    return VendorState(
        name=vendor,
        policy=policy,
        at=look.now,
        paused=look.paused,
        closed_until=look.closed_until,
        next_start=look.next_start,
        windows=tuple(Window(window.amount, span, min(used, window.amount)) for window, span, used in parts),
        running=look.running,
        queued=sum(look.queued.values()),
        due=sum(look.due.values()),
        oldest_due=look.oldest_due,
        recent=UNTOLD,
        breaker=look.breaker,
    )


def _can_be_kept(vendor: str, policy: VendorPolicy) -> bool:
    try:
        CallLimits.of(vendor, policy)
    except ConfigurationError:  # which is told at the start
        return False
    return True


def _unavailable() -> Unavailable:
    return Unavailable(UNREAD)
