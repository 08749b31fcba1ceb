"""
Where a job that has not ended stands, why it waits, and when its next call will start.

Worked out from the job and its vendor's state alone. An estimate is left out where nobody can
say, and of two jobs the one with more ahead of it is never promised the earlier start.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.jobs import Job, Stage, Status
from domain.vendor_states import VendorState, Window

LONGEST_SECONDS = 365 * 86400.0  # beyond, an estimate is a guess; and a datetime ends somewhere


@dataclass(frozen=True, slots=True)
class Standing:
    """`moves` says that `waiting_until` is the vendor's own, and changes while the job stays what it is."""

    stage: Stage
    waiting_until: datetime | None = None
    moves: bool = False
    estimated_start: datetime | None = None


def standing_of(
    job: Job, now: datetime, vendor: VendorState | None = None, ahead: int | None = None
) -> Standing | None:
    """
    Where `job` stands; None when it has ended. Without its vendor's state, as the job alone tells it.

    `ahead` is how many due jobs go before it; None where nobody knows.
    """
    stage = job.stage(now)
    if stage is None:
        return None
    if job.status is not Status.PENDING:
        return Standing(stage, job.waiting_until)
    own = job.run_at if job.run_at > now else None
    if vendor is None:
        return Standing(stage, own)
    start = estimated_start(job, now, vendor, ahead)
    return _due(now, vendor, start) if own is None else _not_due(stage, own, now, vendor, start)


def estimated_start(job: Job, now: datetime, vendor: VendorState, ahead: int | None) -> datetime | None:
    """When the job's next call will start. One that is not due yet stands behind all that are."""
    wait = drain_time(vendor, now, ahead if job.run_at <= now else vendor.due)
    return None if wait is None else max(job.run_at, now + wait)


def drain_time(vendor: VendorState, now: datetime, calls: int | None) -> timedelta | None:
    """How long from now until `calls` calls have started and one more may; None where nobody can say."""
    if vendor.paused or vendor.broken or calls is None:
        return None
    opens = max(now, vendor.closed_until or now, vendor.next_start or now)
    waits = [_wait_for_slots(vendor, calls), *(_wait_for_permits(each, vendor, calls) for each in vendor.windows)]
    known = [wait for wait in waits if wait is not None]
    seconds = (opens - now).total_seconds() + max(known, default=0.0)
    return timedelta(seconds=seconds) if len(known) == len(waits) and seconds <= LONGEST_SECONDS else None


def _due(now: datetime, vendor: VendorState, start: datetime | None) -> Standing:
    if vendor.paused:
        return Standing(Stage.VENDOR_PAUSED)
    held = _held_until(vendor, now)
    if vendor.broken:  # half open, it waits for a probe that ends when it ends
        return Standing(Stage.CIRCUIT_OPEN, held if held and held > now else None, moves=True)
    if held is None:
        return Standing(Stage.QUEUED, estimated_start=start)
    return Standing(Stage.RATE_LIMITED, held if held > now else None, moves=True, estimated_start=start)


def _not_due(stage: Stage, own: datetime, now: datetime, vendor: VendorState, start: datetime | None) -> Standing:
    shut_until = max((moment for moment in (vendor.closed_until, vendor.breaker.until) if moment), default=now)
    if stage is Stage.SCHEDULED or shut_until <= now:
        return Standing(stage, own, estimated_start=start)
    shut = Stage.CIRCUIT_OPEN if vendor.broken else Stage.RATE_LIMITED
    return Standing(shut, max(own, shut_until), moves=shut_until > own, estimated_start=start)


def _held_until(vendor: VendorState, now: datetime) -> datetime | None:
    """
    Until when the vendor lets nobody start, if it does not.

    Its next start is compared with the moment at which it was read: under load that lies ahead whenever one
    looks, and a stage that changed within each cached second would keep nobody waiting.
    """
    shut = [moment for moment in (vendor.closed_until, vendor.breaker.until) if moment and moment > now]
    limited = vendor.next_start if vendor.next_start and vendor.next_start > vendor.at else None
    return max([*shut, *([limited] if limited else [])], default=None)


def _wait_for_permits(window: Window, vendor: VendorState, calls: int) -> float:
    """
    Seconds after the next start: what is free now goes at once, the rest at the window's pace.

    Exact for permits that are spread evenly; a burst starts up to one window earlier than told.
    """
    cost = vendor.policy.cost
    free = max((window.amount - window.used) // cost, 1)  # at least the one that `next_start` speaks of
    return max(calls + 1 - free, 0) * cost * window.span.total_seconds() / window.amount


def _wait_for_slots(vendor: VendorState, calls: int) -> float | None:
    """Seconds until so many calls have ended that there is room; with no limit at all, by what was seen lately."""
    concurrency = vendor.policy.concurrency
    if concurrency is None:
        return 0.0 if vendor.windows else _by_history(vendor, calls)
    to_end = max(calls + 1 + vendor.running - concurrency, 0)
    if to_end and vendor.recent.p50_ms is not None:
        return to_end * vendor.recent.p50_ms / 1000 / concurrency
    return _by_history(vendor, to_end)


def _by_history(vendor: VendorState, calls: int) -> float | None:
    if calls == 0:
        return 0.0
    pace = vendor.recent.starts_per_second
    return calls / pace if pace else None
