"""
A webhook applied: load the event, read it, find its job, and let it end the job or note its progress.

Of two writers to a job one wins; the loser looks again at what the job has become. What became of the event
is written after the job, so a crash in between has it applied again, and its own mark on the job tells.
What finds no job is parked, and then the job is looked for once more: see `worker.settling` for the other side.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

import structlog

from domain.bugs import place_of
from domain.errors import Unavailable
from domain.infra.event_store import TO_APPLY, Moved
from domain.infra.queue import Lease
from domain.infra.redis import REDIS_FAULTS
from domain.interventions import hear, is_called, is_due_for_a_look, look_again, note_progress
from domain.jobs import Job
from domain.matching import Fit, heard_already, token_of
from domain.metrics import WEBHOOK_EVENTS
from domain.outcomes import Done, Failed
from domain.ports import Queued
from domain.request_ids import read_request_id
from domain.transitions import signed
from domain.vendors import SendsWebhooks, Vendor
from domain.webhooks import EventState, LookAgain, NotForUs, Notice, NotPromised, WebhookEvent, WebhookReader
from worker.asking import is_polled
from worker.event_batches import EventBatches, Search, open_event_batches
from worker.station import Station
from worker.storable import as_text, storable_word
from worker.verdicts import Again, Ended, Verdict

LOOK_AGAIN = timedelta(seconds=1)  # when a store did not answer
SOONEST, LATEST = timedelta(seconds=0.25), timedelta(minutes=1)  # between looks for a worker that knows the vendor
FIRST_LOOK = timedelta(seconds=5)  # after an event was parked
ABOUT_A_CALL = timedelta(seconds=0.1)  # until a lease that is just being given back is
LONGEST_STATUS = 200
NOT_STORABLE = Failed("not_storable", "the vendor's word cannot be stored")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Heard:
    """An event, and what it says."""

    event: WebhookEvent
    notice: Notice
    vendor: Vendor


class EventRunner:
    """A `LeaseRunner` for the queue of events."""

    def __init__(self, batches: EventBatches, station: Station) -> None:
        self._batches = batches
        self._station = station

    def cut_calls(self, vendor: str) -> None:
        """Applying an event takes a moment and calls nobody: it is let come to its end."""

    async def run(self, lease: Lease) -> Verdict:
        known = read_request_id(lease.request_id)
        try:
            event = await self._batches.loads.submit(known) if known is not None else None
            if event is None or event.state not in TO_APPLY:
                return Ended(tell=False)
            return await self._apply(event)
        except (Unavailable, *REDIS_FAULTS) as fault:
            log.warning("an event could not be applied; it stays queued", event_id=lease.request_id, fault=str(fault))
            return Again(self._station.clock.now() + LOOK_AGAIN)

    async def _apply(self, event: WebhookEvent) -> Verdict:
        vendor = self._station.vendors.get(event.vendor)
        reader = _reader_of(vendor) if vendor is not None else None
        if vendor is None or reader is None:
            return Again(_when_known(event, self._station.clock.now()))
        match _read(reader, event):
            case Notice() as notice:
                return await self._settle(_Heard(event, notice, vendor))
            case NotForUs() as unconcerned:
                await self._move(event, EventState.IGNORED, str(unconcerned))
            case None:
                await self._move(event, EventState.QUARANTINED, "verified, but not what the vendor promises")
        return Ended(tell=False)

    async def _settle(self, heard: _Heard) -> Verdict:
        """Until what is written of the event is true of the job."""
        search = Search(heard.event.vendor, heard.notice)
        noted: Fit | None = None
        lost_at: int | None = None
        while (found := await self._batches.searches.submit(search)).fit is not noted:
            job = found.job
            if job is not None and heard_already(job, heard.event.id):
                self._station.follow_up(job)
                return await self._applied(heard, job)
            if job is None or found.fit is not Fit.LIVE:
                if await self._is_taken_up(heard, job):
                    return await self._applied(heard, job)
                heard = replace(heard, event=await self._note(heard.event, job, found.fit))
                noted = found.fit  # and look once more: the job may have got its reference meanwhile
                continue
            if lost_at == job.epoch:  # nobody else wrote: MongoDB refused it
                if isinstance(heard.notice.outcome, LookAgain):  # which is no word that could end anything
                    return Again(self._station.clock.now() + LOOK_AGAIN)
                heard = replace(heard, notice=replace(heard.notice, outcome=NOT_STORABLE))
            if _has_nothing_to_poll(job):  # called again it may bring nothing, and this word may be the last
                await self._is_taken_up(heard, job)
            after = self._told(job, heard)
            if await self._batches.writes.submit((job, after)):
                self._station.follow_up(after)
                return await self._applied(heard, after)
            lost_at = job.epoch
        return Ended(tell=False)

    async def _is_taken_up(self, heard: _Heard, job: Job | None) -> bool:
        """Whether somebody looks because of it though its job has ended, or is not to be found."""
        late = self._station.late_looks
        if late is None or not isinstance(heard.notice.outcome, LookAgain):
            return False
        return await late.take_up(heard.event.vendor, heard.notice, job)

    def _told(self, job: Job, heard: _Heard) -> Job:
        """The job once it has heard the event's word."""
        event, word, now = heard.event.id, heard.notice.outcome, self._station.clock.now()
        status = as_text(heard.notice.status or "")[:LONGEST_STATUS]
        match word:
            case None:
                after = note_progress(job, status, now, event=event)
            case LookAgain():
                look = look_again if is_polled(heard.vendor) else note_progress
                after = look(job, status, now, event=event)
            case Done() | Failed():
                after = hear(job, storable_word(word), self._station.rules_of(heard.vendor), now, event=event)
            case _:
                assert_never(word)
        return signed(after, token_of(event))

    async def _applied(self, heard: _Heard, job: Job | None) -> Verdict:
        """The event is over once the queue knows what it asks for."""
        now = self._station.clock.now()
        if job is not None and self._asks_for_a_look(heard, job, now) and not await self._bring_forward(job):
            return Again(now + ABOUT_A_CALL)
        await self._move(heard.event, EventState.APPLIED, job=job)
        return Ended(tell=False)

    def _asks_for_a_look(self, heard: _Heard, job: Job, now: datetime) -> bool:
        asks = isinstance(heard.notice.outcome, LookAgain) and is_polled(heard.vendor)
        return asks and is_due_for_a_look(job, now)

    async def _bring_forward(self, job: Job) -> bool:
        """Have it claimed now, wherever it stands in the queue; False while somebody holds it. The sweep is the net."""
        place = Queued.of(job)
        await self._station.queue.forget([place])
        return await self._station.queue.enqueue([place]) == 1

    async def _note(self, event: WebhookEvent, job: Job | None, fit: Fit) -> WebhookEvent:
        """Write why the event changes nothing, or nothing yet; answers it as it stands then."""
        if fit is not Fit.NONE:
            return await self._move(event, EventState.IGNORED, fit.value, job)
        if event.state is EventState.PARKED:
            return event
        return await self._move(event, EventState.PARKED, fit.value)

    async def _move(
        self, event: WebhookEvent, to: EventState, note: str | None = None, job: Job | None = None
    ) -> WebhookEvent:
        now = self._station.clock.now()
        look = now + FIRST_LOOK if to is EventState.PARKED else None
        await self._batches.moves.submit(Moved(event, to, now, note, job.id if job else None, look))
        self._station.counts.add(WEBHOOK_EVENTS, event.vendor, to.value)
        return event.model_copy(update={"state": to})


@asynccontextmanager
async def open_event_runner(station: Station) -> AsyncIterator[EventRunner]:
    async with open_event_batches(station) as batches:
        yield EventRunner(batches, station)


def _has_nothing_to_poll(job: Job) -> bool:
    """Whether it waits for its next try, and no reference is known by which its vendor could be asked."""
    return job.vendor_ref is None and not is_called(job)


def _reader_of(vendor: Vendor) -> WebhookReader | None:
    return vendor.webhooks if isinstance(vendor, SendsWebhooks) else None


def _read(reader: WebhookReader, event: WebhookEvent) -> Notice | NotForUs | None:
    """What the event says; None where it is not what the vendor promises, or its adapter cannot read it."""
    try:
        return reader.read(event.body)
    except NotForUs as unconcerned:
        return unconcerned
    except NotPromised as fault:
        told = {"why": str(fault)}
    except Exception as fault:  # noqa: BLE001 - a bug in an adapter; its text may hold what the vendor wrote
        told = {"why": "its adapter failed", "bug": type(fault).__name__, "place": place_of(fault)}
    log.error("a webhook cannot be read; set aside for a person", event_id=str(event.id), **told)
    return None


def _when_known(event: WebhookEvent, now: datetime) -> datetime:
    """When to offer the event to a worker that knows its vendor: another one takes it, or none does for long."""
    return now + min(max(now - event.received_at, SOONEST), LATEST)
