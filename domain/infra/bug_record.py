"""
The bugs of the fleet in Redis: each kind at its place once, however often it is met, so that none hides the others.

Not in MongoDB: what is kept is small, of bounded length, and may be lost, since the logs have it all. Whoever met
bugs while Redis was away tells of them when it is back; what Redis took without our hearing of it is counted twice.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from domain.bugs import KEPT, Bug
from domain.errors import Unavailable
from domain.infra.redis import REDIS_FAULTS, RedisClient
from domain.infra.scripts import load_script

NEWEST, TIMES, MET = KEYS = ("gateway:bugs:newest", "gateway:bugs:times", "gateway:bugs:met")
REMEMBERED = timedelta(days=7)  # each since it was met last


class RedisBugRecord:
    """A `BugRecord`."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._keep = load_script(redis, "bugs")

    async def keep(self, bugs: Sequence[Bug]) -> None:
        if not bugs:
            return
        oldest = max(bug.at for bug in bugs) - REMEMBERED
        args: list[str | int | bytes] = [KEPT, _ms(oldest), round(REMEMBERED.total_seconds() * 1000)]
        for bug in bugs:
            args += (f"{bug.type} {bug.place}", _ms(bug.at), bug.times, msgspec.json.encode(bug))
        try:
            await self._keep(keys=KEYS, args=args)
        except REDIS_FAULTS:
            raise Unavailable("redis is away; bugs are not put on record just now") from None

    async def since(self, moment: datetime) -> Sequence[Bug]:
        try:
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.hgetall(NEWEST)
                pipeline.hgetall(TIMES)
                newest, times = await pipeline.execute()
        except REDIS_FAULTS:
            raise Unavailable("redis is away, and has the record of bugs") from None
        found = [
            replace(msgspec.json.decode(bug, type=Bug), times=int(times.get(name, 1))) for name, bug in newest.items()
        ]
        return sorted((bug for bug in found if bug.at >= moment), key=lambda bug: bug.at, reverse=True)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
