"""
Words that are stored and not applied yet: no job is given up over the head of one.

A vendor whose webhook was answered with a 202 before its job's deadline has said it in time, however long the
workers, or Redis, were away after that.
"""

from collections.abc import Sequence
from uuid import UUID

from domain.jobs import Job
from domain.vendors import SendsWebhooks
from worker.station import Station


async def unheard(station: Station, jobs: Sequence[Job]) -> set[UUID]:
    """
    Which of `jobs` an event speaks of that is still to be applied, by this worker too. Raises `Unavailable`.

    A vendor that is not known here is not waited for: nobody may know it any more.
    """
    told = [job for job in jobs if _sends_webhooks(station, job.vendor)]
    return await station.events.find_unapplied(told) if told else set()


def _sends_webhooks(station: Station, name: str) -> bool:
    vendor = station.vendors.get(name)
    return isinstance(vendor, SendsWebhooks) and vendor.webhooks is not None
