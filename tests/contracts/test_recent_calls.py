"""What vendors' last calls came to, on a real MongoDB, which sums them up."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from domain.infra.recent_calls import MOST_CALLS, RecentCalls
from domain.jobs import AttemptOutcome, Status
from domain.vendor_states import Recent
from tests.stores import Stores
from tests.strategies import NOON, a_job

SECOND = timedelta(seconds=1)


def attempt(started_at: datetime = NOON, outcome: AttemptOutcome | None = AttemptOutcome.DONE, **fields: Any) -> Any:
    known = {} if outcome is None else {"outcome": outcome.value, "latency_ms": 100.0}
    return {"started_at": started_at, **known, **fields}


async def store(stores: Stores, vendor: str, *attempts: Any) -> None:
    """A job that was called so."""
    called_at = max(each["started_at"] for each in attempts)
    job = a_job(vendor=vendor, status=Status.COMPLETE, called_at=called_at)
    document = job.model_dump(by_alias=True, exclude_none=True)
    await stores.database.get_collection("jobs").insert_one({**document, "attempts": list(attempts)})


async def recent(stores: Stores, attempts: Iterable[Any], now: datetime) -> Recent:
    """Of a vendor with these, a job each."""
    vendor = f"vendor-{id(attempts)}"
    for each in attempts:
        await store(stores, vendor, each)
    [found] = await RecentCalls(stores.database).read([vendor], now)
    return found


async def test_all_are_found_by_the_index_in_one_query(stores: Stores) -> None:
    jobs = stores.database.get_collection("jobs")
    await store(stores, "sync", attempt(NOON - SECOND, AttemptOutcome.RETRY), attempt())
    await jobs.insert_one(a_job().model_dump(by_alias=True, exclude_none=True))
    await store(stores, "slow", attempt())
    found = await RecentCalls(stores.database).read(["sync", "quiet", "slow", "sync"], NOON + SECOND)
    sync = Recent(2, 0.5, 100.0, 100.0, 100.0, 1.0)
    assert found == [sync, Recent(), Recent(1, 0.0, 100.0, 100.0, 100.0, 1.0), sync]
    query = RecentCalls(stores.database).query(["sync", "slow", "quiet"], NOON)
    asked = {"aggregate": "jobs", "pipeline": query, "cursor": {}}
    plan = str(await stores.database.command("explain", asked, verbosity="queryPlanner"))
    assert (plan.count("'indexName': 'by_call'"), plan.count("COLLSCAN")) == (3, 0)


async def test_only_the_last_ones_are_summed_up(stores: Stores) -> None:
    await store(stores, "sync", *(attempt(NOON, latency_ms=9.0) for _ in range(MOST_CALLS - 1)))
    await store(stores, "sync", attempt(NOON - SECOND, latency_ms=5.0), attempt(NOON + SECOND, latency_ms=7.0))
    [found] = await RecentCalls(stores.database).read(["sync"], NOON + 2 * SECOND)
    assert (found.calls, found.p50_ms, found.p99_ms) == (MOST_CALLS, 9.0, 9.0)
    assert found.starts_per_second == MOST_CALLS / 2


async def test_a_summary_counts_only_what_was_sent_and_times_only_what_was_answered(stores: Stores) -> None:
    cut = [
        attempt(outcome=AttemptOutcome.CRASHED, latency_ms=9e9),
        attempt(outcome=AttemptOutcome.DRAINED, latency_ms=9e9),
    ]
    open_call = attempt(outcome=None)
    never_sent = attempt(outcome=AttemptOutcome.RELEASED)
    done = [attempt(latency_ms=float(n)) for n in range(1, 99)]
    found = await recent(stores, [*cut, open_call, never_sent, *done], NOON + 10 * SECOND)
    assert found == Recent(101, 0.01, 49.0, 94.0, 98.0, 10.1)
    assert await recent(stores, [open_call], NOON) == Recent(1, None, None, None, None, 1.0)
    assert await recent(stores, [never_sent], NOON) == Recent()


async def test_the_pace_is_that_of_the_last_ten_seconds_or_of_what_is_known(stores: Stores) -> None:
    await store(stores, "sync", *(attempt(NOON + n * SECOND / 100) for n in range(100)))
    calls = RecentCalls(stores.database)
    for later, pace in ((1, 100.0), (5, 20.0), (60, 0.0)):
        [found] = await calls.read(["sync"], NOON + later * SECOND)
        assert found.starts_per_second == pace
