"""`gateway doctor`, on real servers: what it finds, and that it says what to do."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis import Redis

from cli import doctor
from domain.bugs import Bug
from domain.infra.bug_record import RedisBugRecord
from domain.infra.mongo import open_mongo, prepare_accounts, prepare_mongo
from domain.infra.redis import open_redis
from tests.s3_server import BUCKET, KEY_ID, SECRET, serving


@pytest.fixture
def flags(tmp_path: Path, mongo_database_url: str, redis_database_url: str) -> dict[str, str]:
    table = tmp_path / "vendors.toml"
    table.write_text('[vendors.sync]\nmode = "sync"\nurl = "http://127.0.0.1:1/sync"\n')
    return {"home": str(tmp_path), "mongo_url": mongo_database_url, "redis_url": redis_database_url}


@pytest.fixture
async def prepared(mongo_database_url: str) -> None:
    """The database as any process leaves it at its start."""
    async with open_mongo(mongo_database_url) as database:
        await prepare_mongo(database)
        await prepare_accounts(database)


def test_all_is_well_when_it_is(prepared: None, flags: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.run(flags) == 0
    assert "WRONG" not in capsys.readouterr().out


def test_missing_indexes_are_named(flags: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.run(flags) == 1
    told = capsys.readouterr().out
    assert "jobs.once_per_key" in told
    assert "users.once_per_address" in told


def test_a_redis_that_may_evict_is_found(
    prepared: None, flags: dict[str, str], redis_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Redis.from_url(redis_database_url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            assert doctor.run(flags) == 1
        finally:
            client.config_set("maxmemory-policy", "noeviction")
    assert "set maxmemory-policy noeviction" in capsys.readouterr().out


async def test_programming_errors_of_the_last_day_are_told_with_where_to_look(
    prepared: None, flags: dict[str, str], redis_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    now = datetime.now(UTC)
    newest = Bug(now, "worker-1", "KeyError", "vendors/acme/adapter.py:41", "adapter failed", "0198-7", times=2)
    older = replace(newest, at=now - timedelta(hours=23), trace="0198-1", times=1)
    other = replace(older, place="api/orders.py:77", process="api")
    long_gone = replace(older, place="api/jobs.py:1", at=now - timedelta(hours=25))
    async with open_redis(redis_database_url) as client:
        await RedisBugRecord(client).keep([long_gone, other, older, newest])
    assert await asyncio.to_thread(doctor.run, flags) == 1
    told = capsys.readouterr().out
    _, told = told.split("WRONG  2 programming errors were met in the last day")
    first, second, *_ = told.splitlines()[1:]
    assert first.startswith("       KeyError at vendors/acme/adapter.py:41 in worker-1 (adapter failed, ")
    assert first.endswith(" UTC, trace_id 0198-7, 3 times)")
    assert second.startswith("       KeyError at api/orders.py:77 in api (")
    assert "api/jobs.py:1" not in told


def test_servers_that_are_away_are_found_and_the_rest_is_still_looked_at(
    flags: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor.run({**flags, "redis_url": "redis://127.0.0.1:1/0"}) == 1
    out = capsys.readouterr().out
    assert "WRONG  GATEWAY_REDIS_URL: Redis does not answer" in out
    assert "ok     MongoDB" in out


@pytest.mark.parametrize("key", [KEY_ID, "AKIAOTHER"], ids=["open", "closed"])
def test_a_bucket_is_asked_and_left_as_it_is(
    prepared: None, flags: dict[str, str], key: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("obstore")
    with serving() as bucket:
        told = {"ACCESS_KEY_ID": key, "SECRET_ACCESS_KEY": SECRET, "ENDPOINT_URL": bucket.url}
        for name, value in told.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        bucket.stored[f"original/{'ab' * 32}.original"] = (b"an upload", datetime.now(UTC))
        assert doctor.run({**flags, "media_bucket": BUCKET}) == (0 if key == KEY_ID else 1)
        assert len(bucket.stored) == 1
    found = "ok     images: in the bucket shop" if key == KEY_ID else "WRONG  GATEWAY_MEDIA_BUCKET: the bucket shop"
    assert found in capsys.readouterr().out


def test_a_wrong_setting_is_the_first_thing_to_mend(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.run({"port": "0"}) == 1
    assert "WRONG  GATEWAY_PORT" in capsys.readouterr().out
