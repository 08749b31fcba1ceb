"""The sweep's half for webhooks: stored and not queued, parked and perhaps matched by now, parked for too long."""

from collections import Counter
from datetime import datetime, timedelta

import structlog

from domain.jobs import Priority
from domain.ports import Queued
from domain.webhooks import EVENTS, PARKED_FOR, EventState, WebhookEvent
from worker.station import Station

SOONEST = timedelta(seconds=5)
LATEST = timedelta(hours=1)

log = structlog.get_logger()


async def sweep_events(station: Station, now: datetime, limit: int) -> Counter[str]:
    """One look; answers how many of each kind were found, `events_in_order` included."""
    found = await station.events.load_to_sweep(now, limit)
    too_old = [event for event in found if _is_too_old(event, now)]
    rest = [event for event in found if not _is_too_old(event, now)]
    orphaned = await station.events.orphan(too_old, now)
    for event in too_old:
        log.warning("no job ever had a webhook's reference", event_id=str(event.id), vendor=event.vendor)
    counts = Counter(orphaned=orphaned)
    for state, kind in ((EventState.RECEIVED, "events_queued"), (EventState.PARKED, "parked_again")):
        counts[kind] = await _queue(station, [event for event in rest if event.state is state], now)
    counts["events_in_order"] = len(found) - counts.total()
    await station.events.sweep_later([(event, _next_look(event, now)) for event in rest])
    return counts


async def _queue(station: Station, events: list[WebhookEvent], now: datetime) -> int:
    queued = [Queued(event.id, EVENTS, Priority.NORMAL, now) for event in events]
    return await station.queue.enqueue(queued) if queued else 0


def _is_too_old(event: WebhookEvent, now: datetime) -> bool:
    return event.state is EventState.PARKED and event.received_at + PARKED_FOR <= now


def _next_look(event: WebhookEvent, now: datetime) -> datetime:
    """Doubling with the event's age."""
    later = now + min(max(SOONEST, now - event.received_at), LATEST)
    return min(later, event.received_at + PARKED_FOR) if event.state is EventState.PARKED else later
