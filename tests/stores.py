"""Fixtures: a database and a Redis of the test's own, and workers that run on them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import MongoClient

from domain.breakers import USUAL, BreakerRules
from domain.infra.event_store import MongoEventStore
from domain.infra.intake import MongoIntake, open_intake
from domain.infra.job_reader import MongoJobReader, open_job_reader
from domain.infra.job_store import MongoJobStore
from domain.infra.mongo import Database, open_mongo, prepare_mongo
from domain.infra.queue import Queue
from domain.infra.queue_keys import queue_key, ring_key
from domain.infra.redactions import Redactions
from domain.infra.redis import RedisClient, open_redis
from domain.jobs import Job, Priority
from domain.outcomes import Done, Outcome
from domain.ports import FollowUpRunner
from domain.tallies import Tallies
from domain.vendors import Call, Vendor, VendorPolicy
from domain.webhooks import EVENTS
from tests.leaks.ledger import Ledger
from tests.leaks.places import read_mongo
from tests.servers import kept_database
from tests.strategies import a_job
from worker.apart import ApartStarter
from worker.clock import FleetClock
from worker.station import Station
from worker.worker import Worker, WorkerSettings, open_worker, worker_name

LEASE = timedelta(seconds=1)  # short, so that what takes a lease's length to recover is soon recovered
LANE = queue_key("sync", Priority.NORMAL, "acme")  # where the jobs of `submit` stand


class ScriptedVendor:
    """Answers what the test says; remembers every call."""

    name = "sync"

    def __init__(self, answer: Callable[[Call], Awaitable[Outcome]] | None = None, **policy: Any) -> None:
        self.policy = VendorPolicy(**{"repeatable": True, **policy})
        self.calls: list[Call] = []
        self.called = asyncio.Event()
        self._answer = answer

    async def call(self, call: Call) -> Outcome:
        self.calls.append(call)
        self.called.set()
        return await self._answer(call) if self._answer else Done('{"ok":true}', 200)


@dataclass(frozen=True)
class Stores:
    database: Database
    redis: RedisClient
    queue: Queue
    store: MongoJobStore
    events: MongoEventStore
    intake: MongoIntake
    reader: MongoJobReader

    async def submit(self, **fields: Any) -> Job:
        now = datetime.now(UTC)
        fields = {
            "run_at": now,
            "created_at": now,
            "updated_at": now,
            "deadline": now + timedelta(hours=1),
            "sweep_at": now + timedelta(seconds=5),
            **fields,
        }
        return (await self.intake.take_in(a_job(**fields))).job

    async def make_due(self, job: Job) -> None:
        """Let the next claim find a job of `submit`, whenever it is due."""
        await self.redis.zadd(LANE, {str(job.id): 1})
        await self.redis.zadd(ring_key("sync", Priority.NORMAL), {job.client: 0})

    async def remember(self, *vendors: str) -> None:
        """As when everything that there was has been queued."""
        filling = await self.queue.begin_to_fill("test")
        assert await self.queue.remember([*(vendors or ("sync",)), EVENTS], filling)

    async def ended(self, job: Job) -> Job:
        found = await self.reader.wait_until_ended(job.id, None, 20)
        assert found is not None
        assert found.ended, found
        return found

    async def look(self, job: Job) -> Job:
        found = await self.reader.find(job.id, None)
        assert found is not None
        return found

    def station(self, *vendors: Vendor, **parts: Any) -> Station:
        """What a worker works with, of which `parts` are the test's own."""
        table = {vendor.name: vendor for vendor in vendors}
        usual = {"worker": "w", "store": self.store, "events": self.events, "queue": self.queue, "vendors": table}
        return Station(**{**usual, "clock": FleetClock(), **parts})

    @asynccontextmanager
    async def worker(
        self,
        *vendors: Vendor,
        drain: timedelta = timedelta(seconds=5),
        follow_ups: FollowUpRunner | None = None,
        apart: bool = False,
        starter: ApartStarter | None = None,
        counts: Tallies | None = None,
        breaker_rules: BreakerRules = USUAL,
    ) -> AsyncIterator[Worker]:
        """A worker that runs until the block ends, and is drained then."""
        settings = WorkerSettings(
            worker_name("w"), concurrency=10, lease=LEASE, drain=drain, apart=apart, breaker_rules=breaker_rules
        )
        table: Mapping[str, Vendor] = {vendor.name: vendor for vendor in vendors}
        redactions = Redactions(self.database, lambda _: False)
        async with open_worker(
            self.database,
            self.redis,
            table,
            settings,
            follow_ups,
            redactions=redactions,
            starter=starter,
            counts=counts,
        ) as worker:
            running = asyncio.create_task(worker.run())
            try:
                yield worker
            finally:
                worker.stop()
                await running


@pytest.fixture
def jobs_url(stores_url: str, leaks: Ledger) -> Iterator[str]:
    """With nothing but indexes in it. Emptied, and not dropped: to make them anew would cost more than most tests."""
    yield stores_url
    with MongoClient[dict[str, Any]](stores_url) as client:
        database = client.get_default_database()
        read_mongo(leaks, database)
        for name in database.list_collection_names():
            database[name].delete_many({})


@pytest.fixture(scope="session")
def stores_url(mongo_url: str) -> Iterator[str]:
    yield from kept_database(mongo_url, "stores")


@pytest.fixture
async def stores(jobs_url: str, redis_database_url: str) -> AsyncIterator[Stores]:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_mongo(jobs_url))
        redis = await stack.enter_async_context(open_redis(redis_database_url))
        await prepare_mongo(database)
        queue = Queue(redis, lease=LEASE)
        intake = await stack.enter_async_context(open_intake(database, queue))
        reader = await stack.enter_async_context(open_job_reader(database, redis))
        yield Stores(database, redis, queue, MongoJobStore(database), MongoEventStore(database), intake, reader)
