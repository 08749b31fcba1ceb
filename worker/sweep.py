"""
The sweep: finds what fell between MongoDB and Redis, and puts it back.

Every worker runs it, in turns, so that a large fleet looks no more often than a small one. Any number
may run at once all the same: each finding is mended by an idempotent script or by compare-and-set. What
it looks at carries `sweep_at`; what is in order is looked at again later, ever more seldom.
"""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

import structlog

from domain import transitions
from domain.errors import Unavailable
from domain.infra.redis import REDIS_FAULTS
from domain.interventions import TELL_VENDOR, followed_up, is_called, overdue, owes_follow_up, owes_telling
from domain.jobs import Job, Status
from domain.metrics import SWEEP_FINDS
from domain.ports import Queued
from domain.vendors import TakesCancels, VendorPolicy
from worker.asking import is_polled
from worker.event_sweep import sweep_events
from worker.refill import refill
from worker.station import Station
from worker.unheard import unheard

PAUSE_SECONDS = 2.0
TURN_LASTS = timedelta(seconds=1.5)  # less than the shortest pause: a worker alone misses no turn
LARGEST_SWEEP = 50  # at once: reading more holds the loop up for longer than a neighbour's job should wait
LARGEST_WHILE_BEHIND = 400  # each look costs some ten round trips, however many it is at
SOONEST = timedelta(seconds=5)
LATEST = timedelta(hours=1)
IN_ORDER = frozenset({"in_order", "events_in_order", "parked_again", "untold"})  # nothing to tell of

log = structlog.get_logger()


class Sweep:
    def __init__(self, station: Station) -> None:
        self._station = station

    async def run(self) -> None:
        """Sweep for ever, out of step with the other workers."""
        while True:
            await asyncio.sleep(PAUSE_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 - jitter is no secret
            try:
                if self._station.clock.is_set and await self._station.queue.take_turn(self._turn(), TURN_LASTS):
                    limit = LARGEST_SWEEP
                    while (found := await self.once(limit)).total() >= limit:
                        self._report(found)
                        limit = LARGEST_WHILE_BEHIND
                    self._report(found)
            except (Unavailable, *REDIS_FAULTS) as fault:
                log.warning("the sweep could not look", fault=str(fault))
            except Exception:
                log.exception("the sweep broke; it goes on")

    def _turn(self) -> str:
        """Workers of the same vendors take turns; what one does not know, another has to look at."""
        names = ",".join(sorted(self._station.vendors))
        return f"sweep:{sha256(names.encode()).hexdigest()[:16]}"

    async def once(self, limit: int = LARGEST_SWEEP) -> Counter[str]:
        """One look at `limit` of each kind; answers how many of each were found, those in order included."""
        refilled = await refill(self._station)
        now = self._station.clock.now()
        found = await self._sweep_jobs(now, limit) + await sweep_events(self._station, now, limit)
        if self._station.redactions is not None:
            found["redacted"] = await self._station.redactions.redact_due(now, LARGEST_SWEEP)
        found["queued_again"] += refilled
        return found

    async def _sweep_jobs(self, now: datetime, limit: int) -> Counter[str]:
        found = await self._station.store.load_to_sweep(now, list(self._station.vendors), limit)
        late = await self._given_up(found, now)
        rest = [job for job in found if job.id not in late]
        counts = await self._fail_late([(job, late[job.id]) for job in found if job.id in late])
        counts["untold"] = await self._strike_off([job for job in rest if self._cannot_be_told(job)], now)
        queued = [self._queued(job, now) for job in rest if self._comes_due(job)]
        if any(place.apart for place in queued):
            self._station.call_apart()
        counts["queued_again"] = await self._station.queue.enqueue(queued) if queued else 0
        await self._station.store.sweep_later([(job, self._next_look(job, now)) for job in rest])
        counts["followed_up"] = await self._follow_up([job for job in rest if owes_follow_up(job)])
        counts["in_order"] = max(0, len(found) - counts.total())
        return counts

    async def _given_up(self, found: Sequence[Job], now: datetime) -> dict[UUID, Job]:
        """Those that nobody ended in time, and failed, but for those whose vendor's word is still to be applied."""
        late = {job.id: failed for job in found if (failed := self._overdue(job, now)) is not None}
        waited_for = await unheard(self._station, [job for job in found if job.id in late]) if late else set()
        return {request_id: failed for request_id, failed in late.items() if request_id not in waited_for}

    def _overdue(self, job: Job, now: datetime) -> Job | None:
        """A job that nobody ended in time; its id in the queue goes when it is claimed."""
        rules = transitions.Rules(VendorPolicy(), self._station.retention)  # how it would be tried no longer matters
        return overdue(transitions.signed(job, f"sweep:{uuid.uuid4().hex}"), rules, now)

    def _comes_due(self, job: Job) -> bool:
        """Whether its vendor's lane, here, has anything to do for it."""
        vendor = self._station.vendors.get(job.vendor)
        if vendor is None:
            return False
        if job.ended:
            return owes_telling(job) and isinstance(vendor, TakesCancels)
        return job.status is Status.PENDING or is_called(job) or is_polled(vendor)

    def _cannot_be_told(self, job: Job) -> bool:
        """Whether its vendor would be told that it is cancelled, if it were one that takes cancels."""
        vendor = self._station.vendors.get(job.vendor)
        return vendor is not None and owes_telling(job) and not isinstance(vendor, TakesCancels)

    async def _strike_off(self, jobs: Sequence[Job], now: datetime) -> int:
        """Without its lane's permit, which would be wasted."""
        token = f"sweep:{uuid.uuid4().hex}"
        changes = [(job, followed_up(transitions.signed(job, token), TELL_VENDOR, now)) for job in jobs]
        return sum(await self._station.store.compare_and_set(changes))

    def _queued(self, job: Job, now: datetime) -> Queued:
        """A call that is on record comes due a lease later: by then a living holder has renewed and moved it."""
        if is_called(job):
            return replace(Queued.of(job), due_at=now + self._station.lease, held=True)
        return Queued.of(job)

    async def _fail_late(self, late: Sequence[tuple[Job, Job]]) -> Counter[str]:
        won = await self._station.store.compare_and_set(late)
        ended = [failed for (_, failed), mine in zip(late, won, strict=True) if mine]
        for job in ended:
            self._station.follow_up(job)
        await self._station.queue.tell([str(job.id) for job in ended])
        return Counter(job.error.code for job in ended if job.error is not None)

    async def _follow_up(self, ended: Sequence[Job]) -> int:
        """Begun at their end, and not done: their worker is gone, or a store was away. After all else: it may fail."""
        if ended:
            await self._station.follow_ups.do(ended)
        return len(ended)

    def _next_look(self, job: Job, now: datetime) -> datetime:
        """Doubling with the time that the job stands so; not past the moment at which it comes due or ends."""
        later = now + min(max(SOONEST, now - job.updated_at), LATEST)
        if job.ended:
            return later
        if job.run_at > now:
            later = min(later, job.run_at + SOONEST)
        ends = job.deadline if job.vendor_ref is None else min(job.waiting_until or job.deadline, job.deadline)
        if ends <= now:
            return now + SOONEST
        return ends if job.vendor_ref is not None and not self._comes_due(job) else min(later, ends)

    def _report(self, found: Counter[str]) -> None:
        mended = {kind: number for kind, number in found.items() if number and kind not in IN_ORDER}
        for kind, number in mended.items():
            self._station.counts.add(SWEEP_FINDS, kind, by=number)
        if mended:
            log.info("swept", **mended)
