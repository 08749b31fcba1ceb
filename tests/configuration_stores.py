"""Configurations on real stores, as several processes have them, and the stores themselves to meddle with."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from domain.configurations import Configuration
from domain.infra.configuration_documents import CONFIGURATIONS
from domain.infra.configuration_mirror import ConfigurationMirror
from domain.infra.configuration_rows import ConfigurationRows
from domain.infra.configurations import StoredConfigurations, open_configurations
from domain.infra.mongo import Database, open_mongo, prepare_configurations
from domain.infra.redis import RedisClient, open_redis

KEY = "gateway:config:orders"


@dataclass(frozen=True)
class ConfigurationStores:
    database: Database
    redis: RedisClient
    stack: AsyncExitStack

    @property
    def rows(self) -> ConfigurationRows:
        return ConfigurationRows(self.database)

    @property
    def mirror(self) -> ConfigurationMirror:
        return ConfigurationMirror(self.redis)

    async def process(self) -> StoredConfigurations:
        return await self.stack.enter_async_context(open_configurations(self.database, self.redis))

    async def without_redis(self, nowhere: RedisClient) -> StoredConfigurations:
        return await self.stack.enter_async_context(open_configurations(self.database, nowhere))

    async def without_mongo(self, nowhere: Database) -> StoredConfigurations:
        return await self.stack.enter_async_context(open_configurations(nowhere, self.redis))

    async def store_alone(self, configuration: Configuration) -> None:
        """As who dies before Redis is told."""
        assert await self.rows.add(configuration)

    async def age(self) -> None:
        """The copy was compared with MongoDB long ago."""
        await self.redis.hset(KEY, "checked", "1")  # type: ignore[misc]  # its type serves two clients at once


@asynccontextmanager
async def open_configuration_stores(mongo_url: str, redis_url: str) -> AsyncIterator[ConfigurationStores]:
    async with open_mongo(mongo_url) as database, open_redis(redis_url) as redis:
        await prepare_configurations(database)
        async with AsyncExitStack() as stack:
            yield ConfigurationStores(database, redis, stack)
        await database.get_collection(CONFIGURATIONS).delete_many({})
