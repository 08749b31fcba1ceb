"""
One worker process: a lane for every vendor, one keeper of leases, one subscription, one sweep.

Or, `apart`, the child of one: it runs suspects one at a time, and nothing else.
"""

import asyncio
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from domain.breakers import USUAL, BreakerRules
from domain.infra.background import in_background
from domain.infra.breakers import open_breakers
from domain.infra.changes import listen
from domain.infra.counted_jobs import CountedJobStore
from domain.infra.event_store import MongoEventStore
from domain.infra.limiter import Limiter
from domain.infra.limiter_seeds import LimiterSeeds
from domain.infra.mongo import Database
from domain.infra.queue import IDLE_PREFIX, WAKE_ALL, WAKE_CHANNEL, Queue
from domain.infra.redactions import Redactions
from domain.infra.redis import RedisClient
from domain.infra.vendor_controls import HeardControls
from domain.ports import FollowUpRunner, LateLooks
from domain.retention import Retention
from domain.tallies import Tallies
from domain.vendors import Vendor
from domain.webhooks import EVENTS
from worker.apart import Apart, ApartLane, ApartStarter, NoProcesses, look_for_suspects, stop_when_quiet
from worker.clock import FleetClock
from worker.events import open_event_runner
from worker.fleet_limits import FleetLimits
from worker.gates import Closings, open_gates
from worker.lane import Lane
from worker.leases import Leases, open_leases
from worker.runner import Runner, open_runner
from worker.station import NoFollowUps, Station
from worker.sweep import Sweep

EVENTS_AT_ONCE = 200  # webhooks being applied; each may hold a body of 1 MiB

MakeLane = Callable[[str], Lane]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """`concurrency` is calls at once for each vendor, so that no vendor takes another's slots."""

    name: str
    concurrency: int = 100
    lease: timedelta = timedelta(seconds=5)
    drain: timedelta = timedelta(seconds=30)
    apart: bool = False  # it is the child of a worker: see `worker.apart`
    retention: Retention = field(default_factory=Retention)
    breaker_rules: BreakerRules = USUAL


class Worker:
    """Runs until `stop`, then drains. A lane for each vendor is made and retired by `follow`."""

    def __init__(
        self, fixed: Sequence[Lane], make_lane: MakeLane, settings: WorkerSettings, closings: Closings, apart: Apart
    ) -> None:
        self._lanes = [*fixed]
        self._apart = apart
        self._retired: list[Lane] = []
        self._make_lane = make_lane
        self._group: asyncio.TaskGroup | None = None
        self._settings = settings
        self._closings = closings
        self._stop = asyncio.Event()

    @property
    def lanes(self) -> Sequence[Lane]:
        return self._lanes

    def stop(self) -> None:
        self._stop.set()

    def wake(self, message: str) -> None:
        """Wake the lane of one vendor, or all (a subscription was made again, Redis forgot). Closings wake nobody."""
        self._closings.hear(message)
        vendor = message.removeprefix(IDLE_PREFIX)
        for lane in self._lanes:
            if vendor in (WAKE_ALL, lane.vendor):
                lane.wake()

    def look_again(self, vendor: str) -> None:
        """What held this vendor's jobs may hold them no more."""
        self.wake(f"{IDLE_PREFIX}{vendor}")

    def follow(self, vendors: Collection[str]) -> None:
        """Work for these vendors from now on; calls to one that is no longer among them end as they would have."""
        known = {lane.vendor for lane in self._lanes}
        gone = [lane for lane in self._lanes if lane.vendor not in {*vendors, EVENTS}]
        new = [self._make_lane(name) for name in vendors if name not in known]
        self._lanes = [lane for lane in self._lanes if lane not in gone] + new
        self._retired += gone
        for lane in gone:
            lane.retire()
        if self._group is not None and not self._stop.is_set():
            for lane in new:
                self._group.create_task(lane.run())

    async def run(self) -> None:
        log.info("worker started", worker=self._settings.name, vendors=[lane.vendor for lane in self._lanes])
        async with asyncio.TaskGroup() as group:
            self._group = group
            for lane in self._lanes:
                group.create_task(lane.run())
            await self._stop.wait()
            log.info("worker drains", worker=self._settings.name)
            lanes, grace = [*self._lanes, *self._retired], self._settings.drain
            await asyncio.gather(self._apart.drain(grace), *(lane.drain(grace) for lane in lanes))
        log.info("worker stopped", worker=self._settings.name)


def worker_name(name: str) -> str:
    """Unique for ever: a lease token must never be taken for that of an earlier process of the same name."""
    return f"{socket.gethostname()}:{name}:{uuid.uuid4().hex[:8]}"


@asynccontextmanager
async def open_worker(  # noqa: PLR0913 - what the composition root shares with it, and what it makes itself without
    database: Database,
    redis: RedisClient,
    vendors: Mapping[str, Vendor],
    settings: WorkerSettings,
    follow_ups: FollowUpRunner | None = None,
    *,
    redactions: Redactions,
    clock: FleetClock | None = None,
    starter: ApartStarter | None = None,
    late_looks: LateLooks | None = None,
    counts: Tallies | None = None,
) -> AsyncIterator[Worker]:
    apart, clock, counts = Apart(starter or NoProcesses()), clock or FleetClock(), counts or Tallies()
    controls, limiter = HeardControls(database), Limiter(redis, lease=settings.lease)
    queue = Queue(redis, lease=settings.lease)
    limits = FleetLimits(vendors, limiter, LimiterSeeds(database), clock, controls)
    async with (
        controls.followed(redis),
        open_gates(limiter, clock, limits, counts) as gates,
        open_breakers(redis, settings.breaker_rules) as breakers,
    ):
        station = Station(
            worker=settings.name,
            store=CountedJobStore(database, counts),
            events=MongoEventStore(database),
            queue=queue,
            clock=clock,
            vendors=vendors,
            retention=settings.retention,
            redactions=redactions,
            lease=settings.lease,
            follow_ups=follow_ups or NoFollowUps(),
            limits=limits,
            gates=gates,
            controls=controls,
            breakers=breakers,
            apart=settings.apart,
            call_apart=apart.call,
            late_looks=late_looks,
            counts=counts,
        )
        async with _lanes_of(station, settings, gates.closings, apart) as worker:
            duties = stop_when_quiet(lambda: worker.lanes, worker.stop) if settings.apart else _care(station, apart)
            controls.told = worker.look_again
            async with in_background(listen(redis, WAKE_CHANNEL, worker.wake)), in_background(duties):
                yield worker


@asynccontextmanager
async def _lanes_of(
    station: Station, settings: WorkerSettings, closings: Closings, apart: Apart
) -> AsyncIterator[Worker]:
    """A worker with a lane for each vendor, and nobody to wake it yet."""
    async with (
        open_leases(station.queue, lease=settings.lease) as leases,
        open_runner(station) as runner,
        open_event_runner(station) as events,
    ):
        fixed = [] if settings.apart else [Lane(EVENTS, EVENTS_AT_ONCE, station, events, leases)]
        worker = Worker(fixed, _maker_of_lanes(settings, station, runner, leases), settings, closings, apart)
        worker.follow(station.vendors)
        yield worker


def _maker_of_lanes(
    settings: WorkerSettings, station: Station, runner: Runner, leases: Leases
) -> Callable[[str], Lane]:
    slot = asyncio.Lock()  # one suspect at a time, whichever vendor's

    def make_lane(vendor: str) -> Lane:
        if settings.apart:
            return ApartLane(vendor, station, runner, leases, slot)
        return Lane(vendor, settings.concurrency, station, runner, leases)

    return make_lane


async def _care(station: Station, apart: Apart) -> None:
    """What a worker does besides running jobs; its child leaves it to the parent."""
    await look_for_suspects(station)
    async with in_background(apart.run()):
        await Sweep(station).run()
