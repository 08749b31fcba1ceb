"""The command itself: what it refuses, and `gateway up` from the first line to the last child."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from cli.embedded import LOOPBACK, free_port
from cli.home import Home

ROOT = Path(__file__).resolve().parents[2]
GATEWAY = (sys.executable, "-P", "-m", "cli.main")


def gateway(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*GATEWAY, *words], env={**os.environ, **variables}, capture_output=True, text=True, timeout=30, check=False
    )


def test_every_command_has_help() -> None:
    commands = ("api", "webhooks", "serve", "worker", "demo-vendors", "up", "doctor", "bootstrap-key")
    assert all(command in gateway("--help").stdout for command in commands)
    assert "GATEWAY_LEASE_SECONDS" in gateway("worker", "--help").stdout


def test_a_wrong_setting_ends_a_start_without_a_traceback() -> None:
    ended = gateway("up", GATEWAY_PORT="99999")
    assert ended.returncode == 78
    assert ended.stderr.startswith("gateway: GATEWAY_PORT: ")
    assert "Traceback" not in ended.stderr


def test_an_unknown_setting_is_warned_of() -> None:
    assert "did you mean GATEWAY_PORT?" in gateway("bootstrap-key", GATEWAY_PROT="1").stderr


def test_a_broken_table_ends_the_start_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("[vendors.x]\nmode = \n")
    ended = gateway("up", "--vendors-file", "broken.toml", GATEWAY_HOME=str(tmp_path / "home"))
    assert ended.returncode == 78
    assert "broken.toml:2" in ended.stderr


def test_the_bootstrap_key_is_shown_once_and_can_be_renewed(tmp_path: Path) -> None:
    assert gateway("bootstrap-key").stdout.startswith("gwk_")
    assert gateway("bootstrap-key").returncode == 78
    assert gateway("bootstrap-key", "--renew").stdout.startswith("gwk_")


def test_a_port_in_use_is_refused_before_anything_starts(redis_url: str, home: Home) -> None:
    taken = redis_url.rpartition(":")[2].removesuffix("/0")
    ended = gateway("up", "--port", taken, "--home", str(home.path), "--vendors-file", str(ROOT / "vendors.toml"))
    assert ended.returncode == 78
    assert "GATEWAY_PORT" in ended.stderr
    assert list(home.path.glob("*.pid")) == []


@pytest.fixture
def up(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    port = str(free_port())
    words = ("up", "--port", port, "--home", str(home.path), "--vendors-file", str(ROOT / "vendors.toml"))
    with home.log_file("up").open("wb") as log:
        running = subprocess.Popen([*GATEWAY, *words, "--drain-seconds", "2"], stdout=log, stderr=log)
    try:
        wait_for(lambda: "Ctrl-C stops it" in home.log_file("up").read_text() or running.poll() is not None)
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(20)


def wait_for(condition: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


@pytest.mark.system
def test_up_runs_everything_mends_what_dies_and_leaves_nothing_behind(up: subprocess.Popen[bytes], home: Home) -> None:
    """Slow: starts every process and both servers, once."""
    said = home.log_file("up").read_text()
    assert "curl -X POST http://localhost:" in said
    assert "bootstrap key  gwk_" in said
    names = {file.stem for file in home.path.glob("*.pid")}
    assert names == {"up", "api", "worker-1", "worker-2", "demo-vendors", "redis", "mongod"}
    pids = {name: int(home.pid_file(name).read_text()) for name in names}

    os.kill(pids["api"], signal.SIGKILL)
    wait_for(lambda: "api (process" in home.log_file("up").read_text())
    wait_for(lambda: home.pid_file("api").read_text() != f"{pids['api']}\n")
    base = said.split("  API            ")[1].split()[0]
    wait_for(lambda: answers(f"{base.replace('localhost', LOOPBACK)}/health/ready"))

    again = gateway("up", "--home", str(home.path), "--vendors-file", str(ROOT / "vendors.toml"))
    assert again.returncode == 78
    assert "another gateway" in again.stderr

    up.send_signal(signal.SIGTERM)
    assert up.wait(20) == 0
    assert list(home.path.glob("*.pid")) == []
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids.values())


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False
