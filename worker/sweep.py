"""
The sweep: finds what fell between MongoDB and Redis, and puts it back.

Every worker runs it, and any number may run at once: each finding is mended by an idempotent
script or by compare-and-set. What it looks at carries `sweep_at`; what is in order is looked at
again later, ever more seldom.
"""

import asyncio
import random
import uuid
from collections import Counter
from datetime import datetime, timedelta

import structlog

from domain import transitions
from domain.errors import Unavailable
from domain.infra.redis import REDIS_FAULTS
from domain.jobs import Job, Status
from domain.outcomes import Failed
from domain.ports import Queued
from domain.vendors import VendorPolicy
from worker.station import Station

PAUSE_SECONDS = 2.0
LARGEST_SWEEP = 500
SOONEST = timedelta(seconds=5)
LATEST = timedelta(hours=1)

log = structlog.get_logger()


class Sweep:
    def __init__(self, station: Station) -> None:
        self._station = station

    async def run(self) -> None:
        """Sweep for ever, out of step with the other workers."""
        while True:
            await asyncio.sleep(PAUSE_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 - jitter is no secret
            try:
                while sum((found := await self.once()).values()) >= LARGEST_SWEEP:
                    pass
            except (Unavailable, *REDIS_FAULTS) as fault:
                log.warning("the sweep could not look", fault=str(fault))
                continue
            if found["queued_again"] or found["deadline"]:
                log.info("swept", **found)

    async def once(self) -> Counter[str]:
        """One look; answers how many of each kind were found, `in_order` included."""
        now = self._station.clock.now()
        await self._remember_all(now)
        found = await self._station.store.load_to_sweep(now, list(self._station.vendors), LARGEST_SWEEP)
        late = [job for job in found if _is_late(job, now)]
        rest = [job for job in found if not _is_late(job, now)]
        live = [self._queued(job, now) for job in rest if not job.ended]
        counts = Counter(deadline=await self._fail_late(late, now))
        counts["queued_again"] = await self._station.queue.enqueue(live) if live else 0
        counts["in_order"] = len(found) - counts.total()
        await self._station.store.sweep_later([(job, self._next_look(job, now)) for job in rest])
        return counts

    async def _remember_all(self, now: datetime) -> None:
        """After a flush of Redis everything is looked at now: a long backlog's own turn may be an hour away."""
        if not await self._station.queue.remembers():
            await self._station.store.sweep_now(now, list(self._station.vendors))
            await self._station.queue.remember()

    def _queued(self, job: Job, now: datetime) -> Queued:
        """What is under way comes due a lease later: by then a living holder has renewed and moved it."""
        due_at = now + self._station.lease if job.status is Status.PROCESSING else job.run_at
        return Queued(job.id, job.vendor, job.priority, due_at)

    async def _fail_late(self, late: list[Job], now: datetime) -> int:
        """A job that nobody started by its deadline has failed; its id in the queue goes when it is claimed."""
        if not late:
            return 0
        rules = transitions.Rules(VendorPolicy(), self._station.retention)  # how it would be tried no longer matters
        why, token = Failed("deadline", "not ended by its deadline"), f"sweep:{uuid.uuid4().hex}"
        won = await self._station.store.compare_and_set(
            [(job, transitions.fail(transitions.signed(job, token), why, rules, now)) for job in late]
        )
        await self._station.queue.tell([str(job.id) for job, did in zip(late, won, strict=True) if did])
        return sum(won)

    @staticmethod
    def _next_look(job: Job, now: datetime) -> datetime:
        """Doubling with the job's age, so that a long backlog costs little; never past the deadline."""
        later = now + min(max(SOONEST, now - job.run_at), LATEST)
        return later if job.ended or job.deadline <= now else min(later, job.deadline)


def _is_late(job: Job, now: datetime) -> bool:
    return job.status is Status.PENDING and job.deadline <= now
