"""
What MongoDB knows of the calls that Redis has forgotten: their intents are on record before they are made.

A call is taken to have started as late as it can have: when it ended, or now. So a limiter that is restored
from here waits a little too long at worst, and lets nothing through.
"""

import heapq
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from pymongo import DESCENDING, ReadPreference

from domain.infra.job_store import mongo_trouble
from domain.infra.limiter import Restored
from domain.infra.limits import CallLimits
from domain.infra.mongo import Database
from domain.jobs import AttemptOutcome
from domain.vendors import VendorPolicy

# From the intent on record to the call: a slow write of it, and the wait for its start.
SLOWEST_START = timedelta(seconds=60)

Document = dict[str, Any]


class LimiterSeeds:
    """Reads of the collections `jobs`, by the index `by_call`, and `vendors`."""

    def __init__(self, database: Database) -> None:
        self._jobs = database.get_collection("jobs").with_options(read_preference=ReadPreference.PRIMARY)
        self._vendors = database.get_collection("vendors").with_options(read_preference=ReadPreference.PRIMARY)

    async def read(self, vendor: str, policy: VendorPolicy, limits: CallLimits, now: datetime) -> Restored:
        """Raises `Unavailable`."""
        with mongo_trouble():
            known = await self._vendors.find_one({"_id": vendor}, {"paused": 1})
            calls = await self._recent(vendor, policy, limits, now) if limits.kept or limits.concurrency else []
        longest = timedelta(microseconds=limits.longest_micros + limits.guard_micros)
        ends = (end for document in calls for end in _latest_starts(document, now) if end > now - longest)
        newest = heapq.nlargest(limits.kept // limits.cost + 1, ends)
        return Restored(
            starts=[round(end.timestamp() * 1_000_000) for end in newest for _ in range(limits.cost)],
            running=[str(document["_id"]) for document in calls if _is_called(document)],
            paused=bool(known and known.get("paused")),
        )

    async def _recent(self, vendor: str, policy: VendorPolicy, limits: CallLimits, now: datetime) -> list[Document]:
        back = timedelta(microseconds=limits.longest_micros) + policy.timeout + SLOWEST_START
        shown = {f"attempts.{name}": 1 for name in ("started_at", "ended_at", "outcome")}
        found = self._jobs.find({"vendor": vendor, "called_at": {"$gte": now - back}}, shown)
        return await found.sort("called_at", DESCENDING).to_list(None)


def _latest_starts(document: Document, now: datetime) -> Iterator[datetime]:
    """The latest moment at which each attempt's call can have started; one that was held back never did."""
    for attempt in document.get("attempts", ()):
        if attempt.get("outcome") != AttemptOutcome.RELEASED:
            yield min(attempt.get("ended_at", now), now)


def _is_called(document: Document) -> bool:
    return any("ended_at" not in attempt for attempt in document.get("attempts", ())[-1:])
