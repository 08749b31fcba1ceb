"""What vendors' last calls came to, from the timelines of the jobs called last; MongoDB itself sums them up."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from domain.infra.job_store import mongo_trouble
from domain.infra.mongo import Database
from domain.jobs import AttemptOutcome
from domain.vendor_states import Recent

MOST_CALLS = 500  # of a vendor
PACE_SPAN = timedelta(seconds=10)

_ERRORS = (
    *(AttemptOutcome.FAILED, AttemptOutcome.RETRY, AttemptOutcome.THROTTLED),
    *(AttemptOutcome.OUTCOME_UNKNOWN, AttemptOutcome.CRASHED),
)
_CUT = (AttemptOutcome.CRASHED, AttemptOutcome.DRAINED)  # their length is not the vendor's

Document = dict[str, Any]


class RecentCalls:
    def __init__(self, database: Database) -> None:
        self._jobs = database.get_collection("jobs")

    async def read(self, vendors: Sequence[str], now: datetime) -> list[Recent]:
        """The last calls of each, at most `MOST_CALLS`, by one query. Raises `Unavailable`."""
        with mongo_trouble():
            rows = await (await self._jobs.aggregate(self.query(vendors, now))).to_list(None)
        found = {row["_id"]: _summed_up(row, now) for row in rows}
        return [found.get(vendor, Recent()) for vendor in vendors]

    def query(self, vendors: Sequence[str], now: datetime) -> list[Document]:
        first, *others = (_last_calls(vendor, now) for vendor in dict.fromkeys(vendors))
        return [*first, *({"$unionWith": {"coll": self._jobs.name, "pipeline": other}} for other in others)]


def _last_calls(vendor: str, now: datetime) -> list[Document]:
    """
    One document of a vendor's last calls, at most `MOST_CALLS` of them; none where it was never called.

    Whatever call is among the last n, its job is among the n that were called last: those are found by the index
    `by_call`.
    """
    outcome, started_at = "$attempts.outcome", "$attempts.started_at"
    summed: Document = {
        "calls": {"$sum": 1},
        "ended": _count({"$gt": [outcome, None]}),
        "errors": _count({"$in": [outcome, _ERRORS]}),
        "lasted": {"$push": {"$cond": [{"$in": [outcome, _CUT]}, "$$REMOVE", "$attempts.latency_ms"]}},
        "oldest": {"$min": started_at},
        "lately": _count({"$gte": [started_at, now - PACE_SPAN]}),
    }
    return [
        {"$match": {"vendor": vendor, "called_at": {"$exists": True}}},
        {"$sort": {"called_at": -1}},
        {"$limit": MOST_CALLS},
        {"$unwind": "$attempts"},
        {"$match": {"attempts.outcome": {"$ne": AttemptOutcome.RELEASED}}},
        {"$sort": {"attempts.started_at": -1}},
        {"$limit": MOST_CALLS},
        {"$group": {"_id": "$vendor", **summed}},
    ]


def _count(condition: Document) -> Document:
    return {"$sum": {"$cond": [condition, 1, 0]}}


def _summed_up(row: Mapping[str, Any], now: datetime) -> Recent:
    lasted = sorted(row["lasted"])
    return Recent(
        calls=row["calls"],
        error_rate=round(row["errors"] / row["ended"], 4) if row["ended"] else None,
        p50_ms=_percentile(lasted, 50),
        p95_ms=_percentile(lasted, 95),
        p99_ms=_percentile(lasted, 99),
        starts_per_second=_pace(row["lately"], now - row["oldest"]),
    )


def _percentile(ordered: Sequence[float], percent: int) -> float | None:
    """By nearest rank."""
    return ordered[ceil(len(ordered) * percent / 100) - 1] if ordered else None


def _pace(lately: int, known: timedelta) -> float:
    """Starts a second over the last ten, or over less where nothing older is known."""
    return round(lately / max(min(known, PACE_SPAN).total_seconds(), 1.0), 2)
