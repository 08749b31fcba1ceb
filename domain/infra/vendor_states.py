"""
How vendors stand, from both stores, each vendor at most once a second however many ask.

Who asks waits for a moment only: a store that hangs must not hold up the reading of a job, whose truth is in
MongoDB. A pause stands in MongoDB, which forgets nothing, and is mirrored to Redis, where claims look.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from domain.errors import ConfigurationError, NotFound, Unavailable
from domain.infra.background import end
from domain.infra.batching import Batcher
from domain.infra.job_store import mongo_trouble
from domain.infra.limits import CallLimits
from domain.infra.mongo import Database
from domain.infra.queue import Queue
from domain.infra.recent_calls import RecentCalls
from domain.infra.redis import REDIS_FAULTS
from domain.infra.vendor_looks import VendorLook
from domain.jobs import Job
from domain.ports import Queued
from domain.vendor_control import Control, KnownControls, NoControls
from domain.vendor_states import Recent, VendorState, Window
from domain.vendors import VendorPolicy

FRESH_SECONDS = 1.0
PATIENCE_SECONDS = 0.5
MIRROR_SECONDS = 2.0  # for a word that has to reach Redis, however often it changes meanwhile
LARGEST_RANKING = 200

Ranks = Batcher[Queued, int | None]


@dataclass(frozen=True, slots=True)
class Reading:
    """A state that is being read, or was. That it could not be (None) is kept as long as a state would be."""

    begun: float
    task: asyncio.Task[VendorState | None]
    control: Control

    @property
    def age(self) -> float:
        return time.monotonic() - self.begun

    @property
    def stale(self) -> bool:
        return self.task.done() and self.age > FRESH_SECONDS


class StoredVendorStates:
    """A `VendorStates`. `policies`, those of the tables, may change while it is used."""

    def __init__(
        self,
        database: Database,
        queue: Queue,
        policies: Mapping[str, VendorPolicy],
        ranks: Ranks,
        controls: KnownControls | None = None,
    ) -> None:
        self._vendors = database.get_collection("vendors")
        self._calls = RecentCalls(database)
        self._queue = queue
        self._policies = policies
        self._ranks = ranks
        self._controls = controls or NoControls()
        self._readings: dict[str, Reading] = {}
        self._tasks: set[asyncio.Task[VendorState | None]] = set()

    def names(self) -> Sequence[str]:
        return tuple(self._policies)

    async def look(self, vendor: str) -> VendorState | None:
        policy = self._policies.get(vendor)
        if policy is None:
            return None
        reading, control = self._readings.get(vendor), self._controls.of(vendor)
        if reading is None or reading.stale or reading.control != control:
            reading = self._readings[vendor] = self._begin(vendor, policy, control)
        if not reading.task.done():
            await asyncio.wait({reading.task}, timeout=max(PATIENCE_SECONDS - reading.age, 0))
        found = reading.task.result() if reading.task.done() else None
        if found is None:
            raise _unavailable()
        return found

    async def ahead(self, job: Job) -> int | None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._ranks.submit(Queued.of(job))
        except REDIS_FAULTS:
            raise _unavailable() from None

    async def pause(self, vendor: str, by: str) -> None:
        await self._switch(vendor, {"paused": True, "paused_by": by, "paused_at": datetime.now(UTC)})

    async def resume(self, vendor: str, by: str) -> None:
        await self._switch(vendor, {"paused": False, "resumed_by": by, "resumed_at": datetime.now(UTC)})

    async def close(self) -> None:
        for task in [*self._tasks]:
            await end(task)

    def _begin(self, vendor: str, table: VendorPolicy, control: Control) -> Reading:
        task = asyncio.create_task(self._read(vendor, table, control))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return Reading(time.monotonic(), task, control)

    async def _read(self, vendor: str, table: VendorPolicy, control: Control) -> VendorState | None:
        policy = control.overrides.over(table)
        try:
            look, recent = await asyncio.gather(
                self._queue.looks.vendor(vendor, policy), self._calls.read(vendor, datetime.now(UTC))
            )
        except (Unavailable, ConfigurationError, *REDIS_FAULTS):  # a limit that cannot be kept is told at the start
            return None
        return replace(state_of(vendor, policy, look, recent), table=table, control=control)

    async def _switch(self, vendor: str, word: dict[str, object]) -> None:
        """MongoDB first: a Redis that was flushed is restored from there. Raises `Unavailable`: say it again."""
        if vendor not in self._policies:
            raise NotFound("Vendor not found")
        with mongo_trouble():
            await self._vendors.update_one({"_id": vendor}, {"$set": word}, upsert=True)
        try:
            async with asyncio.timeout(MIRROR_SECONDS):
                await self._mirror(vendor)
        except REDIS_FAULTS:
            raise _unavailable() from None
        finally:
            self._readings.pop(vendor, None)

    async def _mirror(self, vendor: str) -> None:
        """Redis as MongoDB has it, and once more where that changed meanwhile: two words at once must not cross."""
        mirrored, paused = None, await self._is_paused(vendor)
        while mirrored != paused:
            await (self._queue.pause_vendor(vendor) if paused else self._queue.resume_vendor(vendor))
            mirrored, paused = paused, await self._is_paused(vendor)

    async def _is_paused(self, vendor: str) -> bool:
        with mongo_trouble():
            return await self._vendors.find_one({"_id": vendor, "paused": True}, {"_id": 1}) is not None


@asynccontextmanager
async def open_vendor_states(
    database: Database, queue: Queue, policies: Mapping[str, VendorPolicy], controls: KnownControls | None = None
) -> AsyncIterator[StoredVendorStates]:
    async with Batcher(queue.looks.ranks, largest=LARGEST_RANKING, patience_seconds=PATIENCE_SECONDS) as ranks:
        states = StoredVendorStates(database, queue, policies, ranks, controls)
        try:
            yield states
        finally:
            await states.close()


def state_of(vendor: str, policy: VendorPolicy, look: VendorLook, recent: Recent) -> VendorState:
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
        recent=recent,
        breaker=look.breaker,
    )


def _unavailable() -> Unavailable:
    return Unavailable("how the vendor stands cannot be read just now; try again")
