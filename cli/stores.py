"""Both stores of a process, opened, checked and made ready: what every composition root begins with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cli.addresses import with_servers
from cli.settings import Settings
from domain.infra.mongo import Database, check_mongo, open_mongo, prepare_mongo
from domain.infra.redis import RedisClient, check_redis, open_redis


@dataclass(frozen=True, slots=True)
class Stores:
    database: Database
    redis: RedisClient


@asynccontextmanager
async def open_stores(settings: Settings) -> AsyncIterator[Stores]:
    """Raises `ConfigurationError`, with the remedy, for a store that cannot keep what we promise."""
    found = with_servers(settings)
    assert found.mongo_url is not None  # noqa: S101 - for the type checker: `with_servers` has seen to it
    assert found.redis_url is not None  # noqa: S101
    async with (
        open_mongo(found.mongo_url.get_secret_value()) as database,
        open_redis(found.redis_url.get_secret_value()) as redis,
    ):
        await check_mongo(database)
        await check_redis(redis)
        await prepare_mongo(database)
        yield Stores(database, redis)
