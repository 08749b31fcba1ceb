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
from datetime import timedelta
from uuid import UUID

import structlog

from domain import transitions
from domain.errors import Unavailable
from domain.infra.background import pauses
from domain.infra.job_store import Change
from domain.infra.queue import Lease
from domain.infra.redis import REDIS_FAULTS
from domain.jobs import Job, Status
from domain.outcomes import Failed
from domain.request_ids import read_request_id
from domain.vendors import Call
from worker.station import Station
from worker.verdicts import Again, Ended, Lost, Verdict, verdict_of

LOOK_AGAIN = timedelta(seconds=1)  # when a store did not answer

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Started:
    """A job whose call may be made now, and nobody else's."""

    job: Job


@dataclass(frozen=True, slots=True)
class _Plan:
    lease: Lease
    before: Job
    after: Job

    @property
    def decision(self) -> Started | Verdict:
        return Started(self.after) if self.after.status is Status.PROCESSING else verdict_of(self.after)


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
            return await self._write(plans)
        except (Unavailable, *REDIS_FAULTS) as fault:
            log.warning("could not start jobs; they stay queued", jobs=len(leases), fault=str(fault))
            return [Again(self._station.clock.now() + LOOK_AGAIN)] * len(leases)

    async def _held(self, leases: Sequence[Lease], jobs: Mapping[UUID, Job]) -> list[bool]:
        """A job under way may be a dead worker's or, after a flush of Redis, a living one's: only Redis knows."""
        if any(job.status is Status.PROCESSING for job in jobs.values()):
            return await self._station.queue.confirmed(leases)
        return await self._station.queue.still_held(leases)

    def _plan(self, lease: Lease, request_id: UUID | None, held: bool, jobs: Mapping[UUID, Job]) -> _Plan | Verdict:
        if not held:
            return Lost("the lease is another's")
        job = jobs.get(request_id) if request_id is not None else None
        if job is None:
            log.warning("an id in the queue names no job; removed", id=lease.request_id)
            return Ended(tell=False)
        if job.ended or job.vendor_ref is not None:
            return Ended(tell=False)
        if job.status is Status.PENDING and job.run_at > self._station.clock.now():
            return Again(job.run_at)  # its score came early: an outage delayed its return, or a renewal revived it
        return _Plan(lease, job, self._next(lease, job))

    def _next(self, lease: Lease, job: Job) -> Job:
        now = self._station.clock.now()
        vendor, rules = self._station.vendor_of(job), self._station.rules_of(job)
        ready = transitions.signed(job, f"{lease.token}/{uuid.uuid4().hex}")  # a plain arq worker's token is always "1"
        if job.status is Status.PROCESSING:  # its worker is gone, or it could not be claimed
            ready = transitions.settle(ready, transitions.worker_died(), rules, now)
            if ready.ended:
                return ready
        if now >= job.deadline:
            return transitions.fail(ready, Failed("deadline", "not started by its deadline"), rules, now)
        if transitions.repeat_forbidden(ready, rules, now):
            why = Failed("outcome_unknown", "the vendor may have forgotten the key of a call whose outcome is unknown")
            return transitions.fail(ready, why, rules, now)
        key = Call(job.id, job.payload, vendor.policy.timeout, generation=job.generation).idempotency_key
        return transitions.start(ready, worker=self._station.worker, key=key, now=now)

    async def _write(self, plans: Sequence[_Plan | Verdict]) -> list[Started | Verdict | Exception]:
        to_write = [plan for plan in plans if isinstance(plan, _Plan)]
        won = iter(await self._surely([(plan.before, plan.after) for plan in to_write]))
        decisions = [
            plan if not isinstance(plan, _Plan) else plan.decision if next(won) else Lost("the job went on meanwhile")
            for plan in plans
        ]
        self._announce([str(decision.job.id) for decision in decisions if isinstance(decision, Started)])
        return [*decisions]

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
