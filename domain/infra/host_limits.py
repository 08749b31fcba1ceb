"""How often one callback's receiver may be called, over the whole fleet: a moving window of the `limits` library."""

from datetime import UTC, datetime

import structlog
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter

from domain.infra.redis import REDIS_FAULTS, RedisClient

A_SECOND = 20

log = structlog.get_logger()


class HostLimits:
    """A `domain.callbacks.HostLimit`. While Redis is away nobody is held back: late is worse than close together."""

    def __init__(self, redis: RedisClient, item: RateLimitItem | None = None) -> None:
        storage = RedisStorage(
            "redis://",  # never dialled: it works on the pool of ours, which ends a hang
            implementation="redispy",
            key_prefix="gateway:hosts",
            connection_pool=redis.connection_pool,  # type: ignore[arg-type]  # as its documentation says
        )
        self._limiter = MovingWindowRateLimiter(storage)
        self._item = item or RateLimitItemPerSecond(A_SECOND)

    async def take(self, host: str) -> datetime | None:
        """Take one call of `host`: None, or when it is worth asking again."""
        try:
            if await self._limiter.hit(self._item, host):
                return None
            window = await self._limiter.get_window_stats(self._item, host)
        except REDIS_FAULTS as fault:
            log.warning("redis is away; receivers' limits are not kept", fault=str(fault))
            return None
        return datetime.fromtimestamp(window.reset_time, UTC)
