"""What MongoDB can tell a limiter that has forgotten everything, on a real MongoDB."""

from datetime import UTC, datetime, timedelta
from typing import Any

from domain import transitions
from domain.infra.limiter_seeds import LimiterSeeds
from domain.infra.limits import CallLimits
from domain.unknowns import held_back, unanswered
from domain.vendors import VendorPolicy
from tests.stores import Stores
from tests.strategies import a_job

SECOND = 1_000_000


async def test_mongodb_tells_which_calls_may_have_started_and_which_are_under_way(stores: Stores) -> None:
    now = datetime.now(UTC)
    policy = VendorPolicy(limit="5/second", concurrency=9)

    def begun(at: datetime) -> Any:
        job = a_job(run_at=at, created_at=at, updated_at=at, deadline=at + timedelta(hours=1))
        return transitions.start(transitions.signed(job, "w"), worker="w", key="k", now=at)

    rules = transitions.Rules(policy)
    called = begun(now - timedelta(seconds=3))  # a slow call: it may have started late
    ended = transitions.settle(begun(now), unanswered("cut"), rules, now)
    held = transitions.settle(begun(now), held_back("limit", now), rules, now)
    old = transitions.settle(begun(now), unanswered("cut"), rules, now - timedelta(seconds=2))
    for job in (called, ended, held, old):
        await stores.intake.take_in(job)
    known = await LimiterSeeds(stores.database).read("sync", policy, CallLimits.of("sync", policy), now)
    assert (len(known.starts), list(known.running), known.paused) == (2, [str(called.id)], False)
    assert all(abs(start / SECOND - now.timestamp()) < 0.002 for start in known.starts)
    await stores.database.vendors.insert_one({"_id": "sync", "paused": True})
    assert (await LimiterSeeds(stores.database).read("sync", policy, CallLimits.of("sync", policy), now)).paused
