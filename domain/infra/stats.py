"""What an operator wants to see move: how many jobs end, and how many are queued."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.infra.mongo import Database
from domain.infra.queue import queue_key
from domain.infra.redis import RedisClient
from domain.jobs import Priority


@dataclass(frozen=True, slots=True)
class Load:
    ended: int  # in the span that was asked about
    queued: int  # now; those that run or wait for their time are among them


class StoredLoad:
    """
    A `LoadSource` that asks the stores themselves.

    A job that ends is given the time of its deletion, `retention` later, and that is indexed:
    counting one span of it reads as many index entries as jobs ended in it.
    """

    def __init__(self, database: Database, redis: RedisClient, vendors: Iterable[str], retention: timedelta) -> None:
        self._jobs = database.get_collection("jobs")
        self._redis = redis
        self._queues = [queue_key(vendor, priority) for vendor in vendors for priority in Priority]
        self._retention = retention

    async def read(self, since: datetime, until: datetime) -> Load:
        span = {"$gt": since + self._retention, "$lte": until + self._retention}
        ended = await self._jobs.count_documents({"expire_at": span})
        async with self._redis.pipeline(transaction=False) as pipeline:
            for queue in self._queues:
                pipeline.zcard(queue)
            return Load(ended, sum(await pipeline.execute()))
