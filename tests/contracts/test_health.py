"""Health of stores that are away, as anybody is told: what is wrong, and nothing of where they stand."""

import pytest

from domain.errors import Unavailable
from domain.infra.mongo import MongoHealth, open_mongo
from domain.infra.redis import RedisHealth, open_redis

NOWHERE = "127.0.0.1:1"


async def test_a_redis_that_is_away_is_told_without_its_address() -> None:
    async with open_redis(f"redis://user:hunter2@{NOWHERE}/0") as redis:
        with pytest.raises(Unavailable, match="does not answer") as told:
            await RedisHealth(redis).check()
    assert not any(secret in told.value.detail for secret in ("127.0.0.1", "hunter2", "Errno"))


async def test_a_mongodb_that_is_away_is_told_without_its_address() -> None:
    async with open_mongo(f"mongodb://user:hunter2@{NOWHERE}/?serverSelectionTimeoutMS=100&timeoutMS=100") as database:
        with pytest.raises(Unavailable, match="does not answer") as told:
            await MongoHealth(database).check()
    assert not any(secret in told.value.detail for secret in ("127.0.0.1", "hunter2", "rrno"))
