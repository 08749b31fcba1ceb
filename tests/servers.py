"""
Real servers for the tests: one Redis and one MongoDB a test process, started when first asked for.

Every test that asks has a database of its own, and Redis' database emptied before it.
"""

import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from pymongo import MongoClient
from redis import Redis

from cli.embedded import STOP_SECONDS, Server, mongo_server, redis_server
from cli.home import Home
from cli.processes import stop
from tests.leaks.ledger import Ledger
from tests.leaks.places import read_files, read_mongo, read_redis

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def servers_home(leaks: Ledger) -> Iterator[Home]:
    with tempfile.TemporaryDirectory(prefix="gateway-tests-") as directory:
        yield Home.at(Path(directory))
        read_files(leaks, Path(directory))


@pytest.fixture(scope="session")
def redis_url(servers_home: Home) -> Iterator[str]:
    yield from _running(redis_server(servers_home))


@pytest.fixture(scope="session")
def mongo_url(servers_home: Home) -> Iterator[str]:
    yield from _running(mongo_server(servers_home))


@pytest.fixture
def redis_database_url(redis_url: str, leaks: Ledger) -> Iterator[str]:
    """Redis, with nothing in it."""
    with Redis.from_url(redis_url) as client:
        client.flushall()
    yield redis_url
    read_redis(leaks, redis_url)


@pytest.fixture
def mongo_database_url(mongo_url: str, leaks: Ledger) -> Iterator[str]:
    """A database that no other test uses; dropped afterwards."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    parts = urlsplit(mongo_url)
    yield urlunsplit(parts._replace(path=f"/{name}"))
    with MongoClient[dict[str, Any]](mongo_url) as client:
        read_mongo(leaks, client[name])
        client.drop_database(name)


def kept_database(mongo_url: str, name: str) -> Iterator[str]:
    """One for all tests of this process, each of which leaves it empty; dropped in the end."""
    mine = f"{name}_{os.getpid()}"
    yield urlunsplit(urlsplit(mongo_url)._replace(path=f"/{mine}"))
    with MongoClient[dict[str, Any]](mongo_url) as client:
        client.drop_database(mine)


def _running(server: Server) -> Iterator[str]:
    child = server.start()
    try:
        yield server.url
    finally:
        stop([child], STOP_SECONDS)
