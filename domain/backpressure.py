"""
Backpressure: how much may wait in the queues before a new job is refused, and when it is worth coming back.

A queue that grows for ever answers 202 to work that nobody will do in time, and fills Redis until nothing works. So
a vendor's backlog and a client's each have a ceiling; above it a new job is a 503, and says for how long.
What is stored already is never refused: repeats of a key, retries, callbacks.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from domain.estimates import drain_time
from domain.jobs import Job
from domain.vendor_states import VendorState

SOONEST, LATEST = timedelta(seconds=1), timedelta(hours=1)
NOBODY_KNOWS = timedelta(minutes=1)  # the vendor is paused, or was not called lately, or its jobs are due later


@dataclass(frozen=True, slots=True)
class Ceilings:
    """How many jobs may wait, those for later included: for one vendor, and of one client. 0: as many as come."""

    vendor: int = 0
    client: int = 0


class Backpressure(Protocol):
    async def admit(self, job: Job) -> None:
        """
        Count a new job in, before it is stored.

        Raises `Unavailable`, code `backlog-full`, with when to come back. That Redis is away refuses nobody.
        """
        ...


class NoBackpressure:
    """Lets everything in."""

    async def admit(self, job: Job) -> None:
        pass


def come_back_after(vendor: VendorState | None, calls: int, now: datetime) -> timedelta:
    """How long until `calls` calls have started, by the vendor's limit or by its pace of the last ten seconds."""
    wait = None if vendor is None or calls > vendor.due else drain_time(vendor, now, calls - 1)
    return NOBODY_KNOWS if wait is None else min(max(wait, SOONEST), LATEST)
