"""
Writes a job and an event as the gateway does, and prints what MongoDB was sent: command, collection, write concern.

A program of its own, since PyMongo's listeners stay for ever.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import monitoring

from domain import transitions
from domain.infra.event_store import MongoEventStore, Moved
from domain.infra.inbox import open_inbox
from domain.infra.intake import open_intake
from domain.infra.job_store import MongoJobStore
from domain.infra.mongo import Database, open_mongo, prepare_mongo
from domain.infra.queue import Queue
from domain.infra.redis import RedisClient, open_redis
from domain.webhooks import EventState
from tests.contracts.test_inbox import an_event
from tests.strategies import a_job


class Heard(monitoring.CommandListener):
    def __init__(self) -> None:
        self.writes: list[list[Any]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        name, command = event.command_name, event.command
        if name in {"insert", "update", "delete", "findAndModify"}:
            self.writes.append([name, command[name], command.get("writeConcern")])

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """It was sent; that is all that is asked."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """The same."""


async def write_all(database: Database, redis: RedisClient) -> None:
    now, queue = datetime.now(UTC), Queue(redis, lease=timedelta(seconds=1))
    async with open_intake(database, queue) as intake:
        job = (await intake.take_in(a_job(run_at=now, created_at=now, updated_at=now))).job
    begun = transitions.start(transitions.signed(job, "token"), worker="w", key="key", now=now)
    assert await MongoJobStore(database).compare_and_set([(job, begun)]) == [True]
    event = an_event()
    async with open_inbox(database, queue) as inbox:
        await inbox.take_in(event)
    await MongoEventStore(database).move([Moved(event, EventState.PARKED, now)])


async def main(mongo_url: str, redis_url: str) -> None:
    heard = Heard()
    monitoring.register(heard)
    async with open_mongo(mongo_url) as database, open_redis(redis_url) as redis:
        await prepare_mongo(database)
        heard.writes.clear()
        await write_all(database, redis)
    sys.stdout.write(json.dumps(heard.writes))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
