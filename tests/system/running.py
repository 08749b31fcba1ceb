"""`gateway up` as somebody runs it: the command itself, in a home and a directory of its own, on free ports."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cli.embedded import LOOPBACK

ROOT = Path(__file__).resolve().parents[2]
GATEWAY = Path(sys.executable).with_name("gateway")
TABLES = f"{ROOT / 'vendors.toml'}:{Path(__file__).with_name('vendors.toml')}"
PAYMENTS_LIMIT = "500/second"  # of the simulated Stripe, which has none: by its default tests would wait for turns
START_SECONDS = 120.0
DRAIN_SECONDS = 5
STOP_SECONDS = 90.0  # above what the command itself allows its processes: workers and API, vendors, servers, in turn


def hold_port() -> socket.socket:
    """
    A free port that nobody is given by chance until the socket is closed, while nothing listens there either.

    It is bound and does not listen: who asks for this very port and sets SO_REUSEADDR may listen beside it (socket(7)).
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((LOOPBACK, 0))
    return held


@dataclass
class Gateway:
    """One home; `start` and `stop` may take turns. `settings` are variables without their prefix, in small letters."""

    home: Path
    settings: Mapping[str, object] = field(default_factory=dict)
    held: socket.socket = field(default_factory=hold_port)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.port: int = self.held.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.home / "up.log"

    def environment(self) -> dict[str, str]:
        """As on a fresh machine, but for the settings of the test."""
        wanted = {"home": self.home, "port": self.port, "vendors_file": TABLES}
        wanted |= {"lease_seconds": 1, "drain_seconds": DRAIN_SECONDS, "payments_limit": PAYMENTS_LIMIT}
        ours = {f"GATEWAY_{name.upper()}": str(value) for name, value in {**wanted, **self.settings}.items()}
        return {name: text for name, text in os.environ.items() if not name.startswith(("GATEWAY_", "STRIPE_"))} | ours

    def start(self) -> None:
        """Return when it says that it runs. One that was killed may be started again."""
        if self.process is not None:
            self.process.wait(STOP_SECONDS)
        self.home.mkdir(exist_ok=True)
        already = len(self.said())
        with self.log.open("ab") as log:
            # A session of its own, so that a signal to its group reaches nobody else.
            self.process = subprocess.Popen(
                [GATEWAY, "up"], env=self.environment(), cwd=self.home, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(lambda: "Ctrl-C stops it" in self.said()[already:] or self._ended(), START_SECONDS)
        assert not self._ended(), self.said()

    def stop(self, number: signal.Signals = signal.SIGTERM, *, group: bool = False) -> int:
        """Send a signal to the command alone, or to its process group; answers the exit code."""
        assert self.process is not None
        (os.killpg if group else os.kill)(self.process.pid, number)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            still = [name for name, pid in self.pids().items() if runs(pid)]
            self._kill_all()
            raise AssertionError(f"{still} still ran {STOP_SECONDS} s after the signal\n{self.said()}") from None

    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    @property
    def key(self) -> str:
        """The bootstrap key, as the first start showed it."""
        found = re.search(r"bootstrap key +(gwk_\S+)", self.said())
        assert found is not None
        return found[1]

    def pid(self, name: str) -> int:
        return int((self.home / f"{name}.pid").read_text())

    def pids(self) -> dict[str, int]:
        return {file.stem: int(file.read_text()) for file in self.home.glob("*.pid")}

    def address(self, setting: str) -> str:
        """What `servers.env` says."""
        lines = (self.home / "servers.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)[setting]

    def kill(self, name: str) -> None:
        os.kill(self.pid(name), signal.SIGKILL)

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """The process hangs during the block: it keeps its connections and says nothing."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def end(self) -> None:
        """Stop whatever still runs, and give back the 300 MB of disk; the logs stay for a look."""
        if not self._ended():
            self.stop()
        self.held.close()
        shutil.rmtree(self.home / "mongo", ignore_errors=True)

    def _kill_all(self) -> None:
        for pid in self.pids().values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _ended(self) -> bool:
        return self.process is None or self.process.poll() is not None


def runs(pid: int) -> bool:
    """Whether the process is there and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, f"not within {seconds} s"
        time.sleep(0.02)
