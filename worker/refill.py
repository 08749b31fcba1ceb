"""
After a flush of Redis, or with a new one, everything is queued again: what waits straight from MongoDB, in lots.

One by one, as the sweep looks at jobs, a long backlog would take minutes, and each of its documents two writes. What is
under way or was heard of is left to the sweep, which looks at it next.
"""

import structlog

from domain.infra.queue import Filling
from domain.ports import Queued
from domain.webhooks import EVENTS
from worker.station import Station

log = structlog.get_logger()


async def refill(station: Station) -> int:
    """Answers how many were queued. Raises `Unavailable` or a fault of Redis: it is begun again at the next turn."""
    forgotten = await station.queue.forgotten([*station.vendors, EVENTS])
    if not forgotten:
        return 0
    filling = await station.queue.begin_to_fill(station.worker)
    now, queued = station.clock.now(), 0
    await station.store.sweep_now(now, forgotten)
    await station.events.sweep_now(now)
    async for jobs in station.store.each_pending(forgotten):
        places = [Queued.of(job) for job in jobs]
        if any(place.apart for place in places):
            station.call_apart()
        queued += await station.queue.enqueue(places)
    await _remember(station, forgotten, filling)
    if queued:
        log.info("queued again what redis had forgotten", jobs=queued)
    return queued


async def _remember(station: Station, vendors: list[str], filling: Filling) -> None:
    if not await station.queue.remember(vendors, filling):
        log.info("redis forgot once more while it was filled; it is begun again")
