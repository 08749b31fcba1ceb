"""The jobs of payments in MongoDB and in the queue: put there by their derived ids, and changed by compare-and-set."""

import uuid
from datetime import datetime
from uuid import UUID

import structlog

from domain import interventions
from domain.errors import Unavailable
from domain.infra.derived_jobs import DerivedJobs
from domain.infra.job_store import MongoJobStore
from domain.infra.mongo import Database
from domain.infra.queue import Queue
from domain.infra.redis import REDIS_FAULTS
from domain.jobs import Job
from domain.ports import Queued
from domain.retention import Retention
from domain.transitions import Rules, signed
from domain.vendors import VendorPolicy

log = structlog.get_logger()


class MongoPaymentJobs:
    """A `PaymentJobs`."""

    def __init__(self, database: Database, queue: Queue, retention: Retention | None = None) -> None:
        self._store = MongoJobStore(database)
        self._derived = DerivedJobs(database, queue)
        self._queue = queue
        self._rules = Rules(VendorPolicy(), retention or Retention())  # a cancel hangs on no vendor's policy

    async def put(self, job: Job) -> None:
        await self._derived.put([job])

    async def find(self, request_id: UUID) -> Job | None:
        return (await self._store.load([request_id])).get(request_id)

    async def call_off(self, job: Job, now: datetime) -> bool:
        """Its id in the queue goes when it is claimed."""
        return await self._write(job, interventions.cancel(_signed(job), self._rules, now))

    async def ask_again(self, job: Job, now: datetime) -> bool:
        if interventions.owes_follow_up(job):
            raise Unavailable("the payment's end is still to be told; then it is asked for again")
        if interventions.is_called(job):
            raise Unavailable("a call for the payment is still under way")
        again = interventions.retry(_signed(job), now)
        if not await self._write(job, again):
            return False
        try:
            await self._queue.enqueue([Queued.of(again)])
        except REDIS_FAULTS as fault:
            log.warning("redis is away; a payment waits for the sweep", request_id=str(job.id), fault=str(fault))
        return True

    async def _write(self, before: Job, after: Job) -> bool:
        return (await self._store.compare_and_set([(before, after)]))[0]


def _signed(job: Job) -> Job:
    return signed(job, f"desk:{uuid.uuid4().hex}")
