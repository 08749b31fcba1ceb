"""What every part of one worker process works with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from domain.infra.breakers import RedisBreakers
from domain.infra.event_store import MongoEventStore
from domain.infra.job_store import MongoJobStore
from domain.infra.queue import Queue
from domain.infra.redactions import Redactions
from domain.interventions import owes_follow_up
from domain.jobs import Job
from domain.ports import FollowUpRunner, LateLooks
from domain.retention import Retention
from domain.tallies import Tallies
from domain.transitions import Rules
from domain.vendor_control import KnownControls, NoControls
from domain.vendors import Vendor, VendorPolicy
from worker.clock import FleetClock
from worker.fleet_limits import FleetLimits
from worker.gates import Gates


def _nobody() -> None:
    """For a worker that leaves suspects to the others."""


class NoFollowUps:
    """A `FollowUpRunner` for a worker that leaves them to others: they stay on record."""

    def soon(self, job: Job) -> None:
        pass

    async def do(self, jobs: Sequence[Job]) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Station:
    worker: str  # unique for ever: lease tokens begin with it
    store: MongoJobStore
    events: MongoEventStore
    queue: Queue
    clock: FleetClock
    vendors: Mapping[str, Vendor]  # live: a vendor may come and go while its jobs are at work
    retention: Retention = field(default_factory=Retention)
    redactions: Redactions | None = None  # None: this worker leaves them to others
    lease: timedelta = timedelta(seconds=5)
    follow_ups: FollowUpRunner = field(default_factory=NoFollowUps)
    late_looks: LateLooks | None = None  # None: a word to look again whose job has ended is ignored, as others are
    limits: FleetLimits | None = None  # None: this worker keeps no limits, and hears of no closings
    gates: Gates | None = None
    controls: KnownControls = field(default_factory=NoControls)
    breakers: RedisBreakers | None = None  # None: what calls come to is told to none
    apart: bool = False  # this process runs suspects, and nothing beside the one it runs
    call_apart: Callable[[], None] = _nobody  # a suspect was seen: have a process run it
    counts: Tallies = field(default_factory=Tallies)

    def rules_of(self, vendor: Vendor) -> Rules:
        return Rules(self.policy_of(vendor), self.retention)

    def policy_of(self, vendor: Vendor) -> VendorPolicy:
        """What holds for its calls: its table, and over that an operator's word."""
        return self.controls.of(vendor.name).overrides.over(vendor.policy)

    def follow_up(self, ended: Job) -> None:
        """Begin what a job's end asks for; telling its vendor of a cancel is its lane's work."""
        if owes_follow_up(ended):
            self.follow_ups.soon(ended)
