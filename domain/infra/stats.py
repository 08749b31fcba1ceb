"""What an operator wants to see move: how many jobs end, and how many are queued."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from domain.infra.mongo import Database
from domain.infra.queue_keys import CLASSES, QUEUED, place_of
from domain.infra.redis import RedisClient
from domain.jobs import ENDED, Status
from domain.retention import Retention


@dataclass(frozen=True, slots=True)
class Load:
    ended: int  # in the span that was asked about
    queued: int  # now; those that run or wait for their time are among them


class StoredLoad:
    """
    A `LoadSource` that asks the stores themselves.

    A job that ends is given the time of its deletion, and that is indexed: counting one span of it reads as
    many index entries as jobs ended in it. One that owed a follow-up for long is not counted.
    """

    def __init__(self, database: Database, redis: RedisClient, vendors: Iterable[str], retention: Retention) -> None:
        self._jobs = database.get_collection("jobs")
        self._redis = redis
        self._places = [place_of(vendor, place) for vendor in vendors for place in CLASSES]
        self._retention = retention

    async def read(self, since: datetime, until: datetime) -> Load:
        kinds = [self._ended_as(status, keyed, since, until) for status in ENDED for keyed in (True, False)]
        ended = await self._jobs.count_documents({"$or": kinds})
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hmget(QUEUED, self._places)
            [queued] = await pipeline.execute()
        return Load(ended, sum(int(count or 0) for count in queued))

    def _ended_as(self, status: Status, keyed: bool, since: datetime, until: datetime) -> dict[str, object]:
        kept = self._retention.of(status, keyed=keyed)
        span = {"$gt": since + kept, "$lte": until + kept}
        return {"expire_at": span, "status": status.value, "idempotency_key": {"$exists": keyed}}
