"""What applying events asks of the stores, in batches: whatever came up during one round trip goes into the next."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

from domain.infra.batching import Batcher
from domain.infra.event_store import Moved
from domain.infra.job_store import Change
from domain.infra.redis import REDIS_FAULTS
from domain.jobs import Job
from domain.matching import Fit, fit_by_id, fit_by_reference
from domain.webhooks import Notice, WebhookEvent
from worker.station import Station

LARGEST_BATCH = 200
LARGEST_LOAD = 50  # of bodies of up to 1 MiB


@dataclass(frozen=True, slots=True)
class Search:
    """The job that an event speaks of is looked for."""

    vendor: str
    notice: Notice


@dataclass(frozen=True, slots=True)
class Found:
    fit: Fit
    job: Job | None = None


@dataclass(frozen=True, slots=True)
class EventBatches:
    loads: Batcher[UUID, WebhookEvent | None]
    searches: Batcher[Search, Found]
    writes: Batcher[Change, bool]
    moves: Batcher[Moved, None]


@asynccontextmanager
async def open_event_batches(station: Station) -> AsyncIterator[EventBatches]:
    async def load(ids: Sequence[UUID]) -> Sequence[WebhookEvent | None]:
        found = await station.events.load(ids)
        return [found.get(event_id) for event_id in ids]

    async def search(searches: Sequence[Search]) -> Sequence[Found]:
        return await _search(station, searches)

    async def write(changes: Sequence[Change]) -> Sequence[bool]:
        won = await station.store.compare_and_set(changes)
        with suppress(*REDIS_FAULTS):  # who waits reads again by itself
            await station.queue.tell([str(job.id) for (_, job), mine in zip(changes, won, strict=True) if mine])
        return won

    async def move(moves: Sequence[Moved]) -> Sequence[None]:
        await station.events.move(moves)
        return [None] * len(moves)

    loads: Batcher[UUID, WebhookEvent | None] = Batcher(load, largest=LARGEST_LOAD)
    searches: Batcher[Search, Found] = Batcher(search, largest=LARGEST_BATCH)
    writes: Batcher[Change, bool] = Batcher(write, largest=LARGEST_BATCH)
    moves: Batcher[Moved, None] = Batcher(move, largest=LARGEST_BATCH)
    async with loads, searches, writes, moves:
        yield EventBatches(loads, searches, writes, moves)


async def _search(station: Station, searches: Sequence[Search]) -> list[Found]:
    """By our own id first; by the vendor's reference where that names no job of this vendor's that was called."""
    ids = {search.notice.request_id for search in searches if search.notice.request_id is not None}
    by_id = await station.store.load_slim(list(ids)) if ids else {}
    found = [_found_by_id(search, by_id) for search in searches]
    places = [
        (search.vendor, search.notice.reference)
        for search, at in zip(searches, found, strict=True)
        if at.fit is Fit.NONE and search.notice.reference is not None
    ]
    by_reference = await station.store.find_by_references(places) if places else {}
    return [
        at if at.fit is not Fit.NONE else _found_by_reference(search, by_reference)
        for search, at in zip(searches, found, strict=True)
    ]


def _found_by_id(search: Search, jobs: dict[UUID, Job]) -> Found:
    job = jobs.get(search.notice.request_id) if search.notice.request_id is not None else None
    return Found(Fit.NONE) if job is None else Found(fit_by_id(search.notice, search.vendor, job), job)


def _found_by_reference(search: Search, jobs: dict[tuple[str, str], Job]) -> Found:
    job = jobs.get((search.vendor, search.notice.reference or ""))
    return Found(Fit.NONE) if job is None else Found(fit_by_reference(job), job)
