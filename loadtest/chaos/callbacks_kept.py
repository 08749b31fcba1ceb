"""
Callbacks: owed, arrived, still on their schedule, missing.

Owed is the callback of a job's last end. Those of ends before, which somebody's retry undid, may have come or not; but
there is never more than one event for each. A callback that was refused twice is due again after five minutes
only: while its job is open, it is under way and not missing.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from loadtest.chaos.evidence import ENDED, Life


@dataclass(frozen=True, slots=True)
class Callbacks:
    owed: int = 0
    arrived: int = 0
    under_way: int = 0
    deliveries: int = 0
    missing: tuple[str, ...] = ()
    too_many: tuple[str, ...] = ()  # more events than ends
    untrue: tuple[str, ...] = ()  # a status that the job did not end with
    unsigned: tuple[str, ...] = ()


def count_callbacks(lives: Iterable[tuple[str, Life]]) -> Callbacks:
    told = {job: life for job, life in lives if life.callbacks or _owes(life)}
    owed = {job: life for job, life in told.items() if _owes(life)}
    arrived = {job for job, life in owed.items() if _has_arrived(life)}
    under_way = {job for job, life in owed.items() if job not in arrived and _is_under_way(life)}
    return Callbacks(
        owed=len(owed),
        arrived=len(arrived),
        under_way=len(under_way),
        deliveries=sum(len(life.callbacks) for life in told.values()),
        missing=tuple(job for job in owed if job not in arrived and job not in under_way),
        too_many=tuple(job for job, life in told.items() if _has_too_many(life)),
        untrue=tuple(job for job, life in told.items() if _is_untrue(life)),
        unsigned=tuple(job for job, life in told.items() if not all(each.signed for each in life.callbacks)),
    )


def _owes(life: Life) -> bool:
    return life.document is not None and bool(life.document.get("callback_url")) and life.status in ENDED


def _has_arrived(life: Life) -> bool:
    return any(each.signed and each.status == life.status and each.answered < 300 for each in life.callbacks)


def _is_under_way(life: Life) -> bool:
    return any(document["status"] not in ENDED for document in life.callback_jobs)


def _has_too_many(life: Life) -> bool:
    """A failed delivery is repeated under its event's id."""
    ends = 1 + len(life.retries())
    return len({each.event for each in life.callbacks}) > ends or len(life.callback_jobs) > ends


def _is_untrue(life: Life) -> bool:
    """Of a job that was retried nobody kept what it had ended with before."""
    if life.retries() or life.document is None:
        return life.document is None
    return any(each.status != life.status for each in life.callbacks)
