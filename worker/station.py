"""What every part of one worker process works with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from domain.infra.job_store import MongoJobStore
from domain.infra.queue import Queue
from domain.jobs import Job
from domain.transitions import Rules
from domain.vendors import Vendor
from worker.clock import FleetClock


@dataclass(frozen=True, slots=True)
class Station:
    worker: str  # unique for ever: lease tokens begin with it
    store: MongoJobStore
    queue: Queue
    clock: FleetClock
    vendors: Mapping[str, Vendor]
    retention: timedelta = timedelta(days=30)
    lease: timedelta = timedelta(seconds=5)

    def vendor_of(self, job: Job) -> Vendor:
        return self.vendors[job.vendor]

    def rules_of(self, job: Job) -> Rules:
        return Rules(self.vendor_of(job).policy, self.retention)
