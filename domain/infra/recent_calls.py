"""What a vendor's last calls came to, from the timelines of the jobs that were called last."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from domain.infra.job_store import mongo_trouble
from domain.infra.mongo import Database
from domain.jobs import AttemptOutcome
from domain.vendor_states import Recent

MOST_CALLS = 500
PACE_SPAN = timedelta(seconds=10)

_ERRORS = frozenset(
    {
        *(AttemptOutcome.FAILED, AttemptOutcome.RETRY, AttemptOutcome.THROTTLED),
        *(AttemptOutcome.OUTCOME_UNKNOWN, AttemptOutcome.CRASHED),
    }
)
_CUT = frozenset({AttemptOutcome.CRASHED, AttemptOutcome.DRAINED})  # their length is not the vendor's
_FIELDS = {"_id": 0, **{f"attempts.{name}": 1 for name in ("started_at", "ended_at", "outcome", "latency_ms")}}

Document = dict[str, Any]


class RecentCalls:
    def __init__(self, database: Database) -> None:
        self._jobs = database.get_collection("jobs")

    async def read(self, vendor: str, now: datetime) -> Recent:
        """
        The last calls, at most `MOST_CALLS` of them. Raises `Unavailable`.

        Whatever call is among the last n, its job is among the n that were called last: one query on the
        index `by_call` finds them all.
        """
        jobs = self._jobs.find({"vendor": vendor, "called_at": {"$exists": True}}, _FIELDS)
        with mongo_trouble():
            found = await jobs.sort("called_at", -1).limit(MOST_CALLS).to_list(None)
        return sum_up((attempt for job in found for attempt in job["attempts"]), now)


def sum_up(attempts: Iterable[Document], now: datetime) -> Recent:
    made = (attempt for attempt in attempts if attempt.get("outcome") != AttemptOutcome.RELEASED)
    last = sorted(made, key=lambda attempt: attempt["started_at"], reverse=True)[:MOST_CALLS]
    if not last:
        return Recent()
    outcomes = [attempt["outcome"] for attempt in last if attempt.get("outcome") is not None]
    lasted = sorted(
        attempt["latency_ms"]
        for attempt in last
        if attempt.get("latency_ms") is not None and attempt["outcome"] not in _CUT
    )
    errors = sum(outcome in _ERRORS for outcome in outcomes)
    return Recent(
        calls=len(last),
        error_rate=round(errors / len(outcomes), 4) if outcomes else None,
        p50_ms=_percentile(lasted, 50),
        p95_ms=_percentile(lasted, 95),
        p99_ms=_percentile(lasted, 99),
        starts_per_second=_pace([attempt["started_at"] for attempt in last], now),
    )


def _percentile(ordered: Sequence[float], percent: int) -> float | None:
    """By nearest rank."""
    return ordered[ceil(len(ordered) * percent / 100) - 1] if ordered else None


def _pace(starts: Sequence[datetime], now: datetime) -> float:
    """Starts a second over the last ten, or over less where nothing older is known; `starts` are newest first."""
    known = min(now - starts[-1], PACE_SPAN)
    lately = sum(now - start <= PACE_SPAN for start in starts)
    return round(lately / max(known.total_seconds(), 1.0), 2)
