"""
Where jobs stand just now, from their vendors' states.

Only a pending job waits for its vendor: any other costs nothing here. Where the vendor's state cannot be
read, the job is shown all the same, with what it says of itself.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from domain.errors import Unavailable
from domain.estimates import Standing, standing_of
from domain.jobs import Job, Status
from domain.vendor_states import VendorState, VendorStates


async def find_standing(job: Job, states: VendorStates, now: datetime) -> Standing | None:
    if job.status is not Status.PENDING:
        return standing_of(job, now)
    vendor, ahead = await _look(job, states, now)
    return standing_of(job, now, vendor, ahead)


async def find_standings(jobs: Sequence[Job | None], states: VendorStates, now: datetime) -> list[Standing | None]:
    """Of many jobs at once; their questions to the stores go together."""
    waiting = [job for job in jobs if job is not None and job.status is Status.PENDING]
    found = await asyncio.gather(*(find_standing(job, states, now) for job in waiting))
    by_id = {job.id: standing for job, standing in zip(waiting, found, strict=True)}
    return [None if job is None else by_id.get(job.id) or standing_of(job, now) for job in jobs]


async def _look(job: Job, states: VendorStates, now: datetime) -> tuple[VendorState | None, int | None]:
    vendor = None
    with suppress(Unavailable):
        vendor = await states.look(job.vendor)
        if vendor is not None and not vendor.paused and job.run_at <= now:
            return vendor, await states.ahead(job) if _has_a_line(vendor) else 0
    return vendor, None


def _has_a_line(vendor: VendorState) -> bool:
    """Whether jobs may stand before others: with no limit and nothing due a second ago, it is not worth a question."""
    return bool(vendor.due or vendor.windows or vendor.policy.concurrency)
