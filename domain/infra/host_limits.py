"""
How often one callback's receiver may be called, over the whole fleet: a moving window by Redis' own clock.

The moving window of the `limits` library goes by its caller's clock: a worker that is ahead would get calls beyond
the limit, and others would wait for as long as it is wrong.
"""

from datetime import datetime

import structlog
from limits import RateLimitItem, RateLimitItemPerSecond

from domain.infra.limits import Window
from domain.infra.redis import REDIS_FAULTS, RedisClient
from domain.infra.scripts import load_script
from domain.infra.ticks import moment_of

A_SECOND = 20
PREFIX = "gateway:hosts:"

log = structlog.get_logger()


class HostLimits:
    """A `domain.callbacks.HostLimit`. While Redis is away nobody is held back: late is worse than close together."""

    def __init__(self, redis: RedisClient, item: RateLimitItem | None = None) -> None:
        self._window = Window.of(item or RateLimitItemPerSecond(A_SECOND))
        self._take = load_script(redis, "windows", "clock")

    async def take(self, host: str) -> datetime | None:
        """Take one call of `host`: None, or when it is worth asking again."""
        try:
            until, *_ = await self._take(keys=[PREFIX + host], args=[self._window.amount, self._window.micros])
        except REDIS_FAULTS as fault:
            log.warning("redis is away; receivers' limits are not kept", fault=str(fault))
            return None
        return moment_of(until) if until else None
