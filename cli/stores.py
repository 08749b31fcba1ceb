"""Both stores of a process, opened, checked and made ready: what every composition root begins with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cli.settings import Settings
from domain.errors import ConfigurationError
from domain.infra.mongo import Database, check_mongo, open_mongo, prepare_mongo
from domain.infra.redis import RedisClient, check_redis, open_redis


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
        yield Stores(database, redis)
