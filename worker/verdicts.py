"""What is to become of a lease, once the work on its job is over."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, assert_never

from domain.infra.queue import Lease, Return
from domain.interventions import owes_telling
from domain.jobs import Job
from domain.ports import Queued
from domain.suspects import is_suspect


@dataclass(frozen=True, slots=True)
class Ended:
    """The job needs the queue no more."""

    tell: bool = True


@dataclass(frozen=True, slots=True)
class Again:
    """The job is due again at `at`."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Lost:
    """Somebody else has the job by now: leave the lease alone."""

    why: str


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The job belongs into another class of the queue: suspects run apart, and nothing else does."""

    place: Queued


Verdict = Ended | Again | Elsewhere | Lost


class LeaseRunner(Protocol):
    """What a lane runs its leases with."""

    async def run(self, lease: Lease) -> Verdict:
        """Do what the lease is for. Cancelling it abandons the work to whoever holds the lease now."""
        ...

    def cut_calls(self, vendor: str) -> None:
        """Cut what is under way for `vendor`, begin nothing more, and settle what was cut."""
        ...


def verdict_of(job: Job, *, apart: bool) -> Verdict:
    """What the queue has to know of a job whose new state has been written by a worker that runs suspects, or not."""
    if job.ended and not owes_telling(job):
        return Ended()
    if not job.ended and job.vendor_ref is not None and job.run_at <= job.updated_at:
        return Ended()  # no polls: the webhook ends it, or the sweep
    return Again(job.run_at) if is_suspect(job) == apart else Elsewhere(Queued.of(job))


def to_return(lease: Lease, verdict: Ended | Again) -> Return:
    match verdict:
        case Ended(tell=tell):
            return Return(lease, tell=tell)
        case Again(at=at):
            return Return(lease, due_again=at, tell=True)
        case _:
            assert_never(verdict)
