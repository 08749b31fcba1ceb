"""
Start: the intent to call goes on record before the call is made.

In batches: read the documents, confirm that the leases are still ours, then one bulk write by
compare-and-set. A worker that slept between claim and start fails at the lease;
one that sleeps later fails at the epoch.
"""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from domain import transitions
from domain.errors import Unavailable
from domain.infra.background import pauses
from domain.infra.job_store import Change
from domain.infra.queue import Lease
from domain.infra.redis import REDIS_FAULTS
from domain.interventions import (
    TELL_VENDOR,
    TELLS_ALLOWED,
    begin_to_tell,
    followed_up,
    is_called,
    overdue,
    owes_telling,
    tells_made,
    told,
)
from domain.jobs import CANCEL, Job, Status
from domain.outcomes import Failed
from domain.ports import Queued
from domain.request_ids import read_request_id
from domain.suspects import is_suspect, marked_apart
from domain.timeline import last_number
from domain.unknowns import worker_died
from domain.vendors import TakesCancels, Vendor
from worker.asking import call_for, is_polled, operation_for
from worker.station import Station
from worker.unheard import unheard
from worker.verdicts import Again, Elsewhere, Ended, Lost, Verdict, verdict_of

LOOK_AGAIN = timedelta(seconds=1)  # when a store did not answer, or another wrote or is to write first
VENDOR_GONE = timedelta(seconds=30)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Started:
    """A job whose call may be made now, and nobody else's."""

    job: Job
    vendor: Vendor


@dataclass(frozen=True, slots=True)
class _Plan:
    vendor: Vendor
    before: Job
    after: Job
    apart: bool

    @property
    def decision(self) -> Started | Verdict:
        begun = last_number(self.after) > last_number(self.before)
        return Started(self.after, self.vendor) if begun else verdict_of(self.after, apart=self.apart)

    @property
    def gives_up(self) -> bool:
        return self.after.ended and not self.before.ended


class Starter:
    """The batch work behind every start of one worker process."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._telling: set[asyncio.Task[None]] = set()

    async def start(self, leases: Sequence[Lease]) -> list[Started | Verdict | Exception]:
        """For each lease, the job to call for or what to do with the lease instead."""
        ids = [read_request_id(lease.request_id) for lease in leases]
        try:
            jobs = await self._station.store.load([request_id for request_id in ids if request_id is not None])
            held = await self._held(leases, jobs)
            plans = [self._plan(*row, jobs) for row in zip(leases, ids, held, strict=True)]
            return await self._write(await self._leave_to_events(plans))
        except (Unavailable, *REDIS_FAULTS) as fault:
            log.warning("could not start jobs; they stay queued", jobs=len(leases), fault=str(fault))
            return [Again(self._station.clock.now() + LOOK_AGAIN)] * len(leases)

    async def _held(self, leases: Sequence[Lease], jobs: Mapping[UUID, Job]) -> list[bool]:
        """A call on record may be a dead worker's or, after a flush of Redis, a living one's: only Redis knows."""
        if any(is_called(job) for job in jobs.values()):
            return await self._station.queue.confirmed(leases)
        return await self._station.queue.still_held(leases)

    def _plan(self, lease: Lease, request_id: UUID | None, held: bool, jobs: Mapping[UUID, Job]) -> _Plan | Verdict:
        if not held:
            return Lost("the lease is another's")
        job = jobs.get(request_id) if request_id is not None else None
        if job is None:
            log.warning("an id in the queue names no job; removed", id=lease.request_id)
            return Ended(tell=False)
        vendor = self._station.vendors.get(job.vendor)
        if vendor is None:
            log.warning("the vendor of a job has left the tables; it stays queued", vendor=job.vendor)
            return Again(self._station.clock.now() + VENDOR_GONE)
        return self._idle(job, vendor) or _Plan(vendor, job, self._next(lease, job, vendor), self._station.apart)

    def _idle(self, job: Job, vendor: Vendor) -> Verdict | None:
        """What becomes of the lease of a job that there is nothing to do for just now."""
        if job.ended and not owes_telling(job):
            return Ended(tell=False)
        if is_called(job):  # its worker is gone, or it could not be claimed
            return None
        if job.status is Status.PROCESSING and not is_polled(vendor):
            return Ended(tell=False)  # it waits for its webhook
        if self._belongs_elsewhere(job):
            return Elsewhere(Queued.of(job))
        if job.run_at > self._station.clock.now():
            return Again(job.run_at)  # its score came early: an outage delayed its return, or a renewal revived it
        return None

    def _next(self, lease: Lease, job: Job, vendor: Vendor) -> Job:
        now, rules = self._station.clock.now(), self._station.rules_of(vendor)
        ready = transitions.signed(job, f"{lease.token}/{uuid.uuid4().hex}")  # a plain arq worker's token is always "1"
        if job.ended:
            return told(ready, worker_died(), rules, now) if is_called(job) else self._begin_to_tell(ready, vendor, now)
        if job.status is Status.PROCESSING and is_called(job):
            ready = transitions.settle(ready, worker_died(), rules, now)
        if ready.ended:
            return ready
        late = overdue(ready, rules, now)
        if late is not None:
            return late
        if ready.vendor_ref is None and transitions.repeat_forbidden(ready, rules, now):
            why = Failed("outcome_unknown", "the vendor may have forgotten the key of a call whose outcome is unknown")
            return transitions.fail(ready, why, rules, now)
        return ready if self._belongs_elsewhere(ready) else self._begin(ready, vendor, now)

    def _belongs_elsewhere(self, job: Job) -> bool:
        return is_suspect(job) != self._station.apart

    def _begin_to_tell(self, ready: Job, vendor: Vendor, now: datetime) -> Job:
        if isinstance(vendor, TakesCancels) and tells_made(ready) < TELLS_ALLOWED:
            key = call_for(ready, CANCEL, vendor.policy.timeout).idempotency_key
            return self._on_record(begin_to_tell(ready, worker=self._station.worker, key=key, now=now))
        return followed_up(ready, TELL_VENDOR, now)

    def _begin(self, ready: Job, vendor: Vendor, now: datetime) -> Job:
        operation = operation_for(ready)
        key = call_for(ready, operation, vendor.policy.timeout).idempotency_key
        begun = transitions.start(ready, worker=self._station.worker, key=key, now=now, operation=operation)
        return self._on_record(begun)

    def _on_record(self, begun: Job) -> Job:
        """If this process dies now, the attempt must tell whether anything else can have killed it."""
        return marked_apart(begun) if self._station.apart else begun

    async def _leave_to_events(self, plans: Sequence[_Plan | Verdict]) -> Sequence[_Plan | Verdict]:
        """A job that would be given up is looked at again while its vendor's word is stored and not applied."""
        given_up = [plan.before for plan in plans if isinstance(plan, _Plan) and plan.gives_up]
        if not given_up:
            return plans
        waited_for = await unheard(self._station, given_up)
        later = Again(self._station.clock.now() + LOOK_AGAIN)
        return [later if isinstance(plan, _Plan) and plan.before.id in waited_for else plan for plan in plans]

    async def _write(self, plans: Sequence[_Plan | Verdict]) -> list[Started | Verdict | Exception]:
        to_write = [plan for plan in plans if isinstance(plan, _Plan)]
        won = iter(await self._surely([(plan.before, plan.after) for plan in to_write]))
        later = self._station.clock.now() + LOOK_AGAIN
        decisions = [
            # A job that went on meanwhile is looked at once more: with that its slot is free again.
            plan if not isinstance(plan, _Plan) else self._stands(plan) if next(won) else Again(later)
            for plan in plans
        ]
        self._announce([str(decision.job.id) for decision in decisions if isinstance(decision, Started)])
        return [*decisions]

    def _stands(self, plan: _Plan) -> Started | Verdict:
        if plan.gives_up:
            self._station.follow_up(plan.after)
        return plan.decision

    async def _surely(self, changes: Sequence[Change]) -> list[bool]:
        """Repeat until MongoDB says which won: an intent on record whose call nobody makes would look like a crash."""
        wait = pauses()
        while True:
            try:
                return await self._station.store.compare_and_set(changes)
            except Unavailable as fault:
                log.warning("starts wait to be confirmed", jobs=len(changes), fault=fault.detail)
                await asyncio.sleep(next(wait))

    def _announce(self, started: Sequence[str]) -> None:
        """Tell who waits for a change, while the vendors are being called already."""
        task = asyncio.create_task(self._tell(started))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self, started: Sequence[str]) -> None:
        with suppress(*REDIS_FAULTS):  # who waits reads again by itself
            await self._station.queue.tell(started)
