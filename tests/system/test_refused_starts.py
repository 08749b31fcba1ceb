"""A start that cannot be as configured says what is wrong, where, and what to do, and ends with a code of its own."""

import subprocess
from pathlib import Path

import pytest
from redis import Redis

from cli.embedded import free_port
from tests.system.running import GATEWAY, Gateway

pytestmark = pytest.mark.system

WRONG_CONFIGURATION = 78  # EX_CONFIG of sysexits.h


@pytest.fixture
def unstarted(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path / "home")


def refusal(gateway: Gateway, *command: str, **settings: object) -> str:
    """What a start says to its end, which must be orderly."""
    own = {f"GATEWAY_{name.upper()}": str(value) for name, value in settings.items()}
    ended = subprocess.run(
        [GATEWAY, *command],
        env={**gateway.environment(), **own},
        cwd=gateway.home.parent,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == WRONG_CONFIGURATION, ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stderr.startswith("gateway: ")
    return ended.stderr.removeprefix("gateway: ").strip()


def test_every_wrong_setting_is_named_with_its_remedy(unstarted: Gateway) -> None:
    wrong = {
        "port": ("http", "1 to 65535"),
        "mongo_url": ("http://localhost", "mongodb://"),
        "redis_url": ("localhost:6379", "redis://"),
        "workers": ("-1", "0 to 64"),
        "lease_seconds": ("0", "0.5 to 3600"),
        "env": ("staging", "production or development"),
        "anonymous": ("perhaps", "1 or 0"),
    }
    said = refusal(unstarted, "up", **{name: value for name, (value, _) in wrong.items()}).splitlines()
    assert [line.split(":")[0] for line in said] == [f"GATEWAY_{name.upper()}" for name in wrong]
    assert all(remedy in line for line, (_, remedy) in zip(said, wrong.values(), strict=True))


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ('mode = "later"', 'write mode = "sync"'),
        ('headers = { Authorization = "Bearer ${NOBODY_SET_THIS}" }', "NOBODY_SET_THIS"),
        ("attempts = ", ""),
    ],
)
def test_a_wrong_line_of_a_table_is_named(unstarted: Gateway, tmp_path: Path, line: str, remedy: str) -> None:
    table = tmp_path / "broken.toml"
    table.write_text(f'[vendors.acme]\nurl = "http://127.0.0.1:1/"\n{line}\n')
    said = refusal(unstarted, "up", vendors_file=table)
    assert said.startswith(f"{table}:3: ")
    assert remedy in said


def test_a_table_that_is_not_there_is_named_with_its_setting(unstarted: Gateway, tmp_path: Path) -> None:
    said = refusal(unstarted, "up", vendors_file=tmp_path / "none.toml")
    assert said.startswith(f"{tmp_path / 'none.toml'}:1: ")
    assert "GATEWAY_VENDORS_FILE" in said


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_process_that_nobody_told_of_servers_says_how_to_get_some(unstarted: Gateway, command: str) -> None:
    said = refusal(unstarted, command)
    assert said.startswith("GATEWAY_MONGO_URL: ")
    assert "gateway up" in said


def test_servers_that_do_not_answer_are_named(unstarted: Gateway, gateway: Gateway) -> None:
    """Slow: MongoDB is looked for for three seconds, which an election may take."""
    nobody = free_port()
    mongo, redis = f"mongodb://127.0.0.1:{nobody}/?replicaSet=rs0", f"redis://127.0.0.1:{nobody}/0"
    said = refusal(unstarted, "worker", mongo_url=mongo, redis_url=redis)
    assert said.startswith("GATEWAY_MONGO_URL: ")
    said = refusal(unstarted, "worker", mongo_url=gateway.address("GATEWAY_MONGO_URL"), redis_url=redis)
    assert said.startswith("GATEWAY_REDIS_URL: ")


@pytest.fixture
def neighbour(unstarted: Gateway, gateway: Gateway) -> Gateway:
    """Not started either, and to use the servers of the one that runs."""
    servers = {name: gateway.address(f"GATEWAY_{name.upper()}") for name in ("mongo_url", "redis_url")}
    return Gateway(unstarted.home, {**servers, "demo_vendors_url": gateway.address("GATEWAY_DEMO_VENDORS_URL")})


def test_a_redis_that_may_evict_is_refused(neighbour: Gateway) -> None:
    with Redis.from_url(str(neighbour.settings["redis_url"])) as redis:
        redis.config_set("maxmemory-policy", "allkeys-lru")
        try:
            said = refusal(neighbour, "worker")
        finally:
            redis.config_set("maxmemory-policy", "noeviction")
    assert said.startswith("GATEWAY_REDIS_URL: ")
    assert "set maxmemory-policy noeviction" in said


def test_a_worker_for_a_vendor_that_no_table_has_is_refused(neighbour: Gateway) -> None:
    assert "no table names a vendor 'nobody'; choose of ailing, asked, async" in refusal(
        neighbour, "worker", "--vendors", "nobody"
    )


def test_a_second_gateway_in_the_same_home_or_on_the_same_port_is_refused(gateway: Gateway, unstarted: Gateway) -> None:
    assert "GATEWAY_HOME: another gateway" in refusal(gateway, "up")
    assert "GATEWAY_PORT: " in refusal(unstarted, "up", port=gateway.port)


def test_a_refused_start_leaves_nothing_running(unstarted: Gateway, tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("[vendors.acme]\n")
    refusal(unstarted, "up", vendors_file=tmp_path / "broken.toml")
    assert unstarted.pids() == {}
