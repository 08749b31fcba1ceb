"""
Redis, which only says when to look: connected so that neither an outage nor a hang lasts.

We build the pool ourselves: arq's own drops these settings on its Sentinel path, and a
socket without a timeout waits for a frozen server for ever.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from domain.errors import ConfigurationError, Unavailable

RedisClient = Redis  # of bytes: ids are decoded where they are read
REDIS_FAULTS = (RedisError, OSError, TimeoutError)

ANSWER_SECONDS = 5.0  # a frozen Redis ends a command by then
CONNECT_SECONDS = 2.0


@asynccontextmanager
async def open_redis(url: str) -> AsyncIterator[RedisClient]:
    """The Redis that `url` names. Raises `ConfigurationError` for a bad URL; does not connect yet."""
    try:
        client = Redis.from_url(
            url,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_keepalive=True,
            health_check_interval=15,
            retry=Retry(ExponentialBackoff(cap=0.2, base=0.02), 1),  # once: a restart leaves dead sockets in the pool
            retry_on_error=[RedisConnectionError],
        )
    except ValueError:  # whose text may hold a piece of the password
        raise ConfigurationError(
            "GATEWAY_REDIS_URL: cannot be read as a URL; write redis://user:password@host:port/0, "
            "with special characters of the password escaped (%2F for /)"
        ) from None
    try:
        yield client
    finally:
        await client.aclose()


async def check_redis(client: RedisClient) -> None:
    """Refuse, with the remedy, a Redis that cannot be reached or that may evict what is queued."""
    try:
        memory = await client.info("memory")
    except REDIS_FAULTS as fault:
        raise ConfigurationError(
            f"GATEWAY_REDIS_URL: Redis does not answer ({fault}); start it, or correct the URL"
        ) from None
    policy = memory.get("maxmemory_policy", "noeviction")  # from INFO: managed Redis forbids CONFIG
    if policy != "noeviction":
        raise ConfigurationError(
            f"GATEWAY_REDIS_URL: this Redis may evict keys (maxmemory-policy {policy}), and a queue must not lose any; "
            "set maxmemory-policy noeviction"
        )


async def redis_clock_ahead(client: RedisClient) -> timedelta:
    """How far Redis' clock is ahead of ours."""
    seconds, micros = await client.time()
    return datetime.fromtimestamp(seconds + micros / 1e6, UTC) - datetime.now(UTC)


class RedisHealth:
    """A `HealthCheck`."""

    name = "redis"

    def __init__(self, client: RedisClient) -> None:
        self._client = client

    async def check(self) -> None:
        try:
            await self._client.ping()
        except REDIS_FAULTS as fault:  # anybody may ask: the fault's text names inner addresses
            raise Unavailable(f"Redis does not answer ({type(fault).__name__})") from None
