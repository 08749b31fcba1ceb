"""A worker has the books compared: by the fleet's clock, and however often a store is away."""

import asyncio
from datetime import UTC, datetime, timedelta

from domain.errors import Unavailable
from domain.infra.background import in_background
from domain.infra.ticks import Tick, seconds_since_boot
from domain.jobs import Job
from domain.payments.reconcile_rota import ReconcileRota
from tests.fakes_orders import FakePaymentJobs
from worker.clock import FleetClock
from worker.reconciling import compare_in_time

CENTURY = datetime(2100, 1, 1, tzinfo=UTC)


class WatchedJobs(FakePaymentJobs):
    """Away for the first two that ask."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.put_there = asyncio.Event()

    async def put(self, job: Job) -> None:
        self.asked += 1
        if self.asked == 1:
            raise Unavailable("the store is away")
        if self.asked == 2:
            raise ValueError("a bug of ours")
        await super().put(job)
        self.put_there.set()


async def test_a_run_is_put_on_record_by_the_fleets_clock_once_a_store_answers() -> None:
    jobs, clock = WatchedJobs(), FleetClock()
    here = seconds_since_boot()
    clock.hear(Tick(round(CENTURY.timestamp() * 1e6), here, here))
    rota = ReconcileRota(jobs, timedelta(hours=1))
    async with in_background(compare_in_time(rota, clock, pause_seconds=0.001)):
        await jobs.put_there.wait()
    [job] = jobs.stored.values()
    assert (jobs.asked, job.created_at.year) == (3, 2100)
