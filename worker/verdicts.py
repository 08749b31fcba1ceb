"""What is to become of a lease, once the work on its job is over."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, assert_never

from domain.infra.queue import Lease, Return
from domain.interventions import owes_telling
from domain.jobs import Job


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


Verdict = Ended | Again | Lost


class LeaseRunner(Protocol):
    """What a lane runs its leases with."""

    async def run(self, lease: Lease) -> Verdict:
        """Do what the lease is for. Cancelling it abandons the work to whoever holds the lease now."""
        ...

    def cut_calls(self, vendor: str) -> None:
        """Cut what is under way for `vendor`, begin nothing more, and settle what was cut."""
        ...


def verdict_of(job: Job) -> Verdict:
    """What the queue has to know of a job whose new state has been written."""
    if owes_telling(job):
        return Again(job.run_at)
    if job.ended:
        return Ended()
    if job.vendor_ref is not None and job.run_at <= job.updated_at:
        return Ended()  # no polls: the webhook ends it, or the sweep
    return Again(job.run_at)


def to_return(lease: Lease, verdict: Ended | Again) -> Return:
    match verdict:
        case Ended(tell=tell):
            return Return(lease, tell=tell)
        case Again(at=at):
            return Return(lease, due_again=at, tell=True)
        case _:
            assert_never(verdict)
