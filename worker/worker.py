"""One worker process: a lane for every vendor, one keeper of leases, one subscription, one sweep."""

import asyncio
import socket
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog

from domain.infra.background import in_background
from domain.infra.changes import listen
from domain.infra.event_store import MongoEventStore
from domain.infra.job_store import MongoJobStore
from domain.infra.mongo import Database
from domain.infra.queue import IDLE_PREFIX, WAKE_CHANNEL, Queue
from domain.infra.redis import RedisClient
from domain.ports import FollowUpRunner
from domain.vendors import Vendor
from domain.webhooks import EVENTS
from worker.clock import FleetClock
from worker.events import open_event_runner
from worker.lane import Lane
from worker.leases import open_leases
from worker.runner import open_runner
from worker.station import NoFollowUps, Station
from worker.sweep import Sweep

EVENTS_AT_ONCE = 200  # webhooks being applied; each may hold a body of 1 MiB

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """`concurrency` is calls at once for each vendor, so that no vendor takes another's slots."""

    name: str
    concurrency: int = 100
    lease: timedelta = timedelta(seconds=5)
    drain: timedelta = timedelta(seconds=30)
    retention: timedelta = timedelta(days=30)


class Worker:
    """Runs until `stop`, then drains."""

    def __init__(self, lanes: list[Lane], settings: WorkerSettings) -> None:
        self._lanes = lanes
        self._settings = settings
        self._stop = asyncio.Event()

    def stop(self) -> None:
        self._stop.set()

    def wake(self, idle_key: str) -> None:
        """Wake the lane of one vendor; "" wakes all (a subscription was made again)."""
        vendor = idle_key.removeprefix(IDLE_PREFIX)
        for lane in self._lanes:
            if vendor in ("", lane.vendor):
                lane.wake()

    async def run(self) -> None:
        log.info("worker started", worker=self._settings.name, vendors=[lane.vendor for lane in self._lanes])
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                group.create_task(lane.run())
            await self._stop.wait()
            log.info("worker drains", worker=self._settings.name)
            await asyncio.gather(*(lane.drain(self._settings.drain) for lane in self._lanes))
        log.info("worker stopped", worker=self._settings.name)


def worker_name(name: str) -> str:
    """Unique for ever: a lease token must never be taken for that of an earlier process of the same name."""
    return f"{socket.gethostname()}:{name}:{uuid.uuid4().hex[:8]}"


@asynccontextmanager
async def open_worker(
    database: Database,
    redis: RedisClient,
    vendors: Mapping[str, Vendor],
    settings: WorkerSettings,
    follow_ups: FollowUpRunner | None = None,
) -> AsyncIterator[Worker]:
    queue = Queue(redis, lease=settings.lease)
    station = Station(
        worker=settings.name,
        store=MongoJobStore(database),
        events=MongoEventStore(database),
        queue=queue,
        clock=FleetClock(),
        vendors=vendors,
        retention=settings.retention,
        lease=settings.lease,
        follow_ups=follow_ups or NoFollowUps(),
    )
    async with (
        open_leases(queue, lease=settings.lease) as leases,
        open_runner(station) as runner,
        open_event_runner(station) as events,
    ):
        lanes = [Lane(name, settings.concurrency, station, runner, leases) for name in vendors]
        worker = Worker([*lanes, Lane(EVENTS, EVENTS_AT_ONCE, station, events, leases)], settings)
        async with in_background(listen(redis, WAKE_CHANNEL, worker.wake)), in_background(Sweep(station).run()):
            yield worker
