"""Both stores of a process, opened, checked and made ready: what every composition root begins with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog

from cli.settings import Settings
from domain.errors import ConfigurationError
from domain.infra.mongo import (
    Database,
    check_mongo,
    open_mongo,
    prepare_accounts,
    prepare_commerce,
    prepare_configurations,
    prepare_mongo,
    prepare_payments,
)
from domain.infra.redis import REDIS_FAULTS, RedisClient, check_redis, open_redis, redis_clock_ahead

# Due times are judged by Redis' clock and stamped by the API's: a difference delays jobs.
CLOCK_TOLERANCE = timedelta(seconds=1)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Stores:
    database: Database
    redis: RedisClient


@asynccontextmanager
async def open_stores(settings: Settings) -> AsyncIterator[Stores]:
    """Raises `ConfigurationError`, with the remedy, for a store that cannot keep what we promise."""
    if settings.mongo_url is None or settings.redis_url is None:
        raise ConfigurationError("GATEWAY_MONGO_URL, GATEWAY_REDIS_URL: set both to servers of your own")
    async with (
        open_mongo(settings.mongo_url.get_secret_value()) as database,
        open_redis(settings.redis_url.get_secret_value()) as redis,
    ):
        await check_mongo(database)
        await check_redis(redis)
        await prepare_mongo(database)
        await prepare_accounts(database)
        await prepare_commerce(database)
        await prepare_payments(database)
        await prepare_configurations(database)
        yield Stores(database, redis)


async def tell_of_clock(redis: RedisClient) -> None:
    """Warn where this machine's clock is wrong: what is stamped here comes due late, and good webhooks are refused."""
    with suppress(*REDIS_FAULTS):
        ahead = await redis_clock_ahead(redis)
        if abs(ahead) > CLOCK_TOLERANCE:
            off = round(-ahead.total_seconds(), 1)
            log.warning("this machine's clock is not Redis'; run NTP on both (chrony, timesyncd)", seconds_ahead=off)
