"""The record of bugs on a real Redis: the last hundred, newest first, for a week."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.bugs import KEPT, Bug
from domain.errors import Unavailable
from domain.infra.bug_record import KEYS, REMEMBERED, RedisBugRecord
from domain.infra.redis import open_redis

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


def bug(number: int, place: str = "worker/runner.py:93", times: int = 1) -> Bug:
    return Bug(NOW + timedelta(seconds=number), "worker-1", "KeyError", place, "adapter failed", f"t{number}", times)


async def test_the_last_hundred_are_kept_newest_first(redis_database_url: str) -> None:
    async with open_redis(redis_database_url) as client:
        record = RedisBugRecord(client)
        await record.keep([])
        assert await record.since(NOW) == []
        bugs = [bug(number, f"worker/runner.py:{number}") for number in range(120)]
        await record.keep(bugs[:60])
        await record.keep(bugs[60:])
        assert list(await record.since(NOW)) == bugs[: -KEPT - 1 : -1]
        assert list(await record.since(NOW + timedelta(seconds=118))) == [bugs[119], bugs[118]]


async def test_one_that_is_met_again_and_again_hides_no_other(redis_database_url: str) -> None:
    async with open_redis(redis_database_url) as client:
        record, rare = RedisBugRecord(client), bug(0, "api/orders.py:7")
        await record.keep([rare])
        for number in range(1, 2 * KEPT):
            await record.keep([bug(number, times=3)])
        await record.keep([bug(5)])  # another process's, told late
        assert list(await record.since(NOW)) == [bug(2 * KEPT - 1, times=3 * (2 * KEPT - 1) + 1), rare]


async def test_it_is_forgotten_a_week_after_it_was_met_last(redis_database_url: str) -> None:
    async with open_redis(redis_database_url) as client:
        record = RedisBugRecord(client)
        await record.keep([bug(1, "api/orders.py:7", times=9)])
        for key in KEYS:
            assert 0 < await client.ttl(key) <= REMEMBERED.total_seconds()
        week = round(REMEMBERED.total_seconds())
        await record.keep([bug(2 + week)])
        await record.keep([bug(3 + week, "api/orders.py:7")])
        assert [bug.times for bug in await record.since(NOW)] == [1, 1]


async def test_a_redis_that_is_away_is_told_as_such() -> None:
    async with open_redis("redis://127.0.0.1:1/0") as client:
        with pytest.raises(Unavailable):
            await RedisBugRecord(client).keep([bug(1)])
        with pytest.raises(Unavailable):
            await RedisBugRecord(client).since(NOW)
