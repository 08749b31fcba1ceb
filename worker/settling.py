"""
The end of a call, written down whoever else wrote to the job while the vendor was called.

A webhook, a cancel or a note of progress raises the epoch, so the worker's own write loses. It then reads
the job again: while the attempt is still this one, open, its answer counts; where the job has ended, the
answer is noted on the timeline and changes nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import structlog

from domain import interventions, transitions
from domain.errors import Unavailable
from domain.infra.background import pauses
from domain.infra.batching import Batcher
from domain.infra.job_store import Change
from domain.infra.redis import REDIS_FAULTS
from domain.interventions import is_called, owes_telling
from domain.jobs import CANCEL, Job, Priority
from domain.outcomes import Done, Failed, Outcome, Waiting
from domain.ports import Queued
from domain.timeline import last_number
from domain.transitions import Rules
from domain.unknowns import Unknown
from domain.webhooks import EVENTS
from worker.station import Station
from worker.verdicts import Ended, Lost, Verdict, verdict_of

LARGEST_BATCH = 200
REFUSALS = 3  # of a write that nobody contested; then what came of the call cannot be stored

Answer = TypeVar("Answer")

log = structlog.get_logger()


class Settling:
    def __init__(self, station: Station, ends: Batcher[Change, bool], looks: Batcher[Job, None]) -> None:
        self._station = station
        self._ends = ends
        self._looks = looks

    async def settle(self, begun: Job, outcome: Outcome | Unknown, rules: Rules) -> Verdict:
        """Write what the call that `begun` began came to; answers what is to become of its lease."""
        before, refusals = begun, 0
        while (after := self._next(begun, before, outcome, rules)) is not None:
            if await self._write((before, after)):
                await self._follow(before, after, outcome)
                return verdict_of(after, apart=self._station.apart)
            found = await self._reload(begun)
            if found is None:
                return Ended(tell=False)
            if found.epoch == before.epoch:  # nobody else wrote: MongoDB refused it
                refusals += 1
                outcome = await self._instead(found, outcome, refusals)
            before = found
        return self._given_up(begun, before)

    def _next(self, begun: Job, found: Job, outcome: Outcome | Unknown, rules: Rules) -> Job | None:
        """What the answer makes of the job as found; None where it says nothing that is not known."""
        if last_number(found) != last_number(begun):
            return None
        now, open_still = self._station.clock.now(), is_called(found)
        after: Job | None = None
        if begun.attempts[-1].operation == CANCEL:
            after = interventions.told(found, outcome, rules, now) if open_still else None
        elif not found.ended:
            after = transitions.settle(found, outcome, rules, now) if open_still else None
        elif open_still or (isinstance(outcome, Waiting) and found.vendor_ref is None):
            after = interventions.note_late(found, outcome, now)
        return None if after is None else transitions.signed(after, begun.claim_token or "")

    async def _instead(self, job: Job, outcome: Outcome | Unknown, refusals: int) -> Outcome | Unknown:
        """What a call came to whose end MongoDB refuses: the reference is another job's, or nothing can store it."""
        if isinstance(outcome, Waiting):
            place = (job.vendor, outcome.reference)
            holders = await _patiently(lambda: self._station.store.find_by_references([place]))
            if place in holders and holders[place].id != job.id:
                why = "the vendor answered with a reference that another job has already"
                return Failed("vendor_reference_reused", why, outcome.vendor_status)
        if refusals < REFUSALS:
            return outcome
        log.error("what came of a call cannot be stored", request_id=str(job.id))
        return Failed("not_storable", "what came of the call cannot be stored")

    def _given_up(self, begun: Job, found: Job) -> Verdict:
        """The job as it stands is all there is to know, unless another worker has it by now."""
        if found.ended or last_number(found) == last_number(begun):
            return verdict_of(found, apart=self._station.apart)
        return Lost("the job went on while the vendor was called")

    async def _follow(self, before: Job, after: Job, outcome: Outcome | Unknown) -> None:
        """What the new state asks for, each with the sweep as its net."""
        if after.ended and not before.ended:
            self._station.follow_up(after)
        if owes_telling(before) and not owes_telling(after) and not isinstance(outcome, Done):
            log.warning("gave up telling a vendor of a cancel", request_id=str(after.id), vendor=after.vendor)
        if after.vendor_ref is not None and before.vendor_ref is None:
            try:
                await self._looks.submit(after)
            except (Unavailable, *REDIS_FAULTS) as fault:
                log.warning("could not look for early webhooks; the sweep will", fault=str(fault))

    async def _write(self, change: Change) -> bool:
        """Write the end, through an outage of MongoDB too: the lease is renewed meanwhile."""
        return await _patiently(lambda: self._ends.submit(change))

    async def _reload(self, job: Job) -> Job | None:
        return (await _patiently(lambda: self._station.store.load_slim([job.id]))).get(job.id)


@asynccontextmanager
async def open_settling(station: Station) -> AsyncIterator[Settling]:
    async def write(changes: Sequence[Change]) -> Sequence[bool]:
        return await station.store.compare_and_set(changes)

    async def look(jobs: Sequence[Job]) -> Sequence[None]:
        """Have those events looked at again that came before their jobs had a reference."""
        now = station.clock.now()
        early = await station.events.reopen(jobs, now)
        if early:
            await station.queue.enqueue([Queued(event, EVENTS, Priority.NORMAL, now) for event in early])
        return [None] * len(jobs)

    ends: Batcher[Change, bool] = Batcher(write, largest=LARGEST_BATCH)
    looks: Batcher[Job, None] = Batcher(look, largest=LARGEST_BATCH)
    async with ends, looks:
        yield Settling(station, ends, looks)


async def _patiently(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    wait = pauses()
    while True:
        try:
            return await ask()
        except Unavailable as fault:
            log.warning("what came of a call waits to be written", fault=fault.detail)
            await asyncio.sleep(next(wait))
