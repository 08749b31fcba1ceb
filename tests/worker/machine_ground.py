"""
The real stores that a machine plays on, and time, which passes at its word.

Nobody sleeps and no clock is set: when time passes, all that is stored grows older by as much.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from domain.infra.mongo import Database, open_mongo, prepare_mongo
from domain.infra.redis import RedisClient, open_redis

LEASE = timedelta(minutes=2)  # longer than any example takes, so that none ends but by the machine's word
SCORED = (b"arq:queue:", b"gateway:lanes:", b"gateway:oldest:", b"gateway:later:")  # sorted sets of moments
OF_THE_FLEET = (b"gateway:pulse",)  # goes on while anybody renews
MOMENTS = (b"gateway:pulse", b"gateway:grace", b"gateway:closed:")  # keys whose values are milliseconds

Answer = TypeVar("Answer")


@dataclass
class Ground:
    runner: asyncio.Runner
    database: Database
    redis: RedisClient
    passed: timedelta = timedelta(0)  # how much time has passed by the machine's word

    def run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return self.runner.run(work)

    async def empty(self) -> None:
        for name in ("jobs", "webhook_events"):
            await self.database[name].delete_many({})
        await self.redis.flushdb()

    async def let_pass(self, span: timedelta, *, pulse_goes_on: bool) -> None:
        """Let all that is stored be older by `span`; without a pulse, nobody could reach Redis meanwhile."""
        self.passed += span
        for name in ("jobs", "webhook_events"):
            async for document in self.database[name].find({}):
                await self.database[name].replace_one({"_id": document["_id"]}, _older(document, span))
        millis = round(span.total_seconds() * 1000)
        async for key in self.redis.scan_iter():
            if not (pulse_goes_on and key in OF_THE_FLEET):
                await self._age_key(key, millis)

    async def _age_key(self, key: bytes, millis: int) -> None:
        if key.startswith(SCORED):
            for member, score in await self.redis.zrange(key, 0, -1, withscores=True):
                if score >= 0:  # below, it is a turn and no moment
                    await self.redis.zadd(key, {member: score - millis})
            return
        left = await self.redis.pttl(key)
        if 0 <= left <= millis:
            await self.redis.delete(key)
            return
        if key.startswith(MOMENTS):
            await self.redis.set(key, int(await self.redis.get(key)) - millis, keepttl=True)
        if left > 0:
            await self.redis.pexpire(key, left - millis)

    async def make_sweep_due(self) -> None:
        """Let the sweep's time come for all that it is ever to look at."""
        for name in ("jobs", "webhook_events"):
            now = datetime.now(UTC)
            await self.database[name].update_many({"sweep_at": {"$gt": now}}, {"$set": {"sweep_at": now}})


@contextmanager
def open_ground(mongo_url: str, redis_url: str) -> Iterator[Ground]:
    """One for all examples of a test: what an example leaves, the next one removes."""
    with asyncio.Runner() as runner:
        mongo, redis = open_mongo(mongo_url), open_redis(redis_url)
        database = runner.run(mongo.__aenter__())
        client = runner.run(redis.__aenter__())
        try:
            runner.run(prepare_mongo(database))
            yield Ground(runner, database, client)
        finally:
            runner.run(redis.__aexit__(None, None, None))
            runner.run(mongo.__aexit__(None, None, None))


def _older(value: Any, span: timedelta) -> Any:
    if isinstance(value, datetime):
        return value - span
    if isinstance(value, dict):
        return {name: _older(inner, span) for name, inner in value.items()}
    return list(map(partial(_older, span=span), value)) if isinstance(value, list) else value
