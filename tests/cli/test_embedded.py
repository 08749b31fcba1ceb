"""The embedded servers, really started: their guarantees, their ports, and what happens when they cannot start."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pymongo import MongoClient, WriteConcern
from redis import Redis

from cli.embedded import Server, free_port, is_free, mongo_server, redis_server
from cli.home import Home
from cli.processes import Program, stop
from domain.errors import ConfigurationError


def test_redis_keeps_an_append_only_file_and_never_evicts(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        assert client.info("persistence")["aof_enabled"] == 1
        assert client.info("memory")["maxmemory_policy"] == "noeviction"
        assert client.config_get("appendfsync") == {"appendfsync": "everysec"}


def test_mongodb_takes_majority_writes(mongo_database_url: str) -> None:
    with MongoClient[dict[str, int]](mongo_database_url) as client:
        things = client.get_default_database().get_collection(
            "things", write_concern=WriteConcern(w="majority", j=True)
        )
        assert things.insert_one({"_id": 1}).acknowledged


def test_mongodb_keeps_its_data_when_it_comes_back_on_another_port(tmp_path: Path) -> None:
    """Slow: starts MongoDB twice."""
    home = Home.at(tmp_path)
    first = mongo_server(home)
    child = first.start()
    try:
        with MongoClient[dict[str, int]](first.url) as client:
            client.get_default_database()["things"].insert_one({"_id": 1})
    finally:
        stop([child], 10)
    second = mongo_server(home)  # no servers.env names the old port, so it takes a new one
    child = second.start()
    try:
        assert second.url != first.url
        with MongoClient[dict[str, int]](second.url) as client:
            assert client.get_default_database()["things"].count_documents({}) == 1
    finally:
        stop([child], 10)


def test_a_server_takes_the_port_of_last_time(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    port = free_port()
    home.write_addresses({"GATEWAY_REDIS_URL": f"redis://127.0.0.1:{port}/0"})
    assert redis_server(home).url == f"redis://127.0.0.1:{port}/0"


def test_a_port_that_somebody_took_is_not_taken_again(tmp_path: Path, redis_url: str) -> None:
    home = Home.at(tmp_path)
    home.write_addresses({"GATEWAY_REDIS_URL": redis_url})
    assert redis_server(home).url != redis_url


def test_a_server_that_cannot_start_says_why_and_what_to_do(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    program = Program(
        "broken",
        ("/bin/sh", "-c", "echo no libcrypto.so.3; exit 127"),
        home.log_file("broken"),
        home.pid_file("broken"),
    )
    with pytest.raises(ConfigurationError, match=r"code 127; install it.*\n.*no libcrypto\.so\.3"):
        Server(program, "", lambda: False, "install it").start()
    assert not program.pid_file.exists()


def test_a_port_is_free_until_somebody_listens(redis_url: str) -> None:
    assert is_free("127.0.0.1", free_port())
    assert not is_free("127.0.0.1", urlsplit(redis_url).port or 0)


def test_mongodbs_log_quotes_no_command_however_slow_it_was(mongo_database_url: str, servers_home: Home) -> None:
    """Slow: a command that MongoDB calls slow takes 100 ms."""
    with MongoClient[dict[str, Any]](mongo_database_url) as client:
        rows = client.get_default_database()["users"]
        rows.insert_one({"_id": 1})
        assert rows.find_one({"email": {"$ne": "somebodys-address"}, "$where": "sleep(150) || true"}) is not None
    assert "somebodys-address" not in servers_home.log_file("mongod").read_text()
