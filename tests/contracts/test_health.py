"""Health of stores that are away, as anybody is told: what is wrong, and nothing of where they stand."""

from typing import Any

import pytest
from pymongo.errors import ServerSelectionTimeoutError
from redis.exceptions import ConnectionError as RedisConnectionError

from domain.errors import Unavailable
from domain.infra.mongo import MongoHealth
from domain.infra.redis import RedisHealth

SAID = "Error 111 connecting to 10.0.0.5:6379. Connection refused."


class _Away:
    """A client of either library, as far as health asks it; both libraries name the address in what they raise."""

    def __init__(self, fault: Exception) -> None:
        self._fault = fault
        self.client = self.admin = self

    async def ping(self) -> None:
        raise self._fault

    async def command(self, name: str, **options: Any) -> None:
        raise self._fault


@pytest.mark.parametrize(
    "health",
    [RedisHealth(_Away(RedisConnectionError(SAID))), MongoHealth(_Away(ServerSelectionTimeoutError(SAID)))],  # type: ignore[arg-type]
    ids=["redis", "mongodb"],
)
async def test_a_store_that_is_away_is_told_without_its_address(health: RedisHealth | MongoHealth) -> None:
    with pytest.raises(Unavailable, match="does not answer") as told:
        await health.check()
    assert "10.0.0.5" not in told.value.detail
    assert "refused" not in told.value.detail
