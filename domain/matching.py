"""
Which job a webhook speaks of, and whether that job still listens.

By our own id first, where the vendor gives it back, then by the vendor's reference. A word of an
earlier generation of a job must not end the one that runs now: its reference tells them apart.
"""

from enum import StrEnum
from uuid import UUID

from domain.interventions import called_since_retry
from domain.jobs import Job
from domain.webhooks import Notice


class Fit(StrEnum):
    LIVE = "live"  # the job waits for this very word
    LATE = "late"  # it has ended
    EARLIER = "of an earlier generation"
    NONE = "no job has this reference yet"


def fit_by_id(notice: Notice, vendor: str, job: Job) -> Fit:
    """How an event of `vendor` fits the job whose id it gives back. A job that was never called is no match."""
    if job.vendor != vendor:
        return Fit.NONE
    if job.deleted:
        return Fit.LATE
    if job.vendor_ref is None and notice.reference in (job.former_refs or []):
        return Fit.EARLIER
    if not called_since_retry(job):
        return Fit.NONE
    if notice.reference is not None and job.vendor_ref not in {None, notice.reference}:
        return Fit.EARLIER
    return fit_by_reference(job)


def fit_by_reference(job: Job) -> Fit:
    """How an event fits the job that has its reference."""
    return Fit.LATE if job.ended or job.deleted else Fit.LIVE


def heard_already(job: Job, event: UUID) -> bool:
    """
    Whether this event is on the job already: its writer did not hear that it won, or did not live to say so.

    What ended a generation before must not end the next one, which somebody asked for because of it.
    """
    if job.ended_by == event or event in (job.former_events or []):
        return True
    return any(progress.event == event for progress in job.progress or [])


def token_of(event: UUID) -> str:
    """The signature of whoever applies an event; any number may try, and all of them write the same."""
    return f"event:{event}"
