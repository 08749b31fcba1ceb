"""
Real servers of our own on loopback, for a machine that has none to point at.

Redis forgets at most a second (append-only file, synced every second) and never evicts.
MongoDB is a replica set of one, so that majority writes and transactions work. A server
keeps its port from one start to the next if it is still free.
"""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from cli.binaries import MONGO_REMEDY, REDIS_REMEDY, mongo_binary, redis_binary
from cli.home import Home
from cli.processes import Child, Program, stop
from domain.errors import ConfigurationError
from domain.infra.replica_set import lead_set_of_one

LOOPBACK = "127.0.0.1"
REPLICA_SET = "rs0"
START_SECONDS = 60.0  # a recovery of MongoDB's journal or of a long append-only file takes its time
STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server that can be started. `is_ready` may be asked again and again, and does what is left to do."""

    program: Program
    url: str
    is_ready: Callable[[], bool]
    remedy: str

    def start(self) -> Child:
        """Start it and wait until it can be used. Raises `ConfigurationError` with what it said if it cannot."""
        child = Child(self.program)
        give_up_at = time.monotonic() + START_SECONDS
        try:
            while not self.is_ready():
                if child.exit_code() is not None or time.monotonic() > give_up_at:
                    raise ConfigurationError(self._why_not(child))
                time.sleep(0.02)
        except BaseException:
            stop([child], STOP_SECONDS)
            raise
        return child

    def _why_not(self, child: Child) -> str:
        code = child.exit_code()
        what = f"did not start within {START_SECONDS:.0f} s" if code is None else f"ended at its start with code {code}"
        said = "\n".join(f"    {line[:300]}" for line in child.last_lines())
        return f"{self.program.command[0]} {what}; {self.remedy}. It said:\n{said}"


def redis_server(home: Home) -> Server:
    data = home.path / "redis"
    data.mkdir(exist_ok=True)
    port = kept_port("GATEWAY_REDIS_URL", home)
    options = {
        "port": str(port),
        "bind": LOOPBACK,
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "set-proc-title": "no",  # the command line keeps naming the home, see `cli.processes`
    }
    command = (str(redis_binary()), *(word for name, value in options.items() for word in (f"--{name}", value)))
    program = _program(home, "redis", command)
    return Server(program, f"redis://{LOOPBACK}:{port}/0", lambda: _redis_answers(port), REDIS_REMEDY)


def mongo_server(home: Home) -> Server:
    data = home.path / "mongo"
    data.mkdir(exist_ok=True)
    port = kept_port("GATEWAY_MONGO_URL", home)
    options = {
        "port": str(port),
        "bind_ip": LOOPBACK,
        "dbpath": str(data),
        "replSet": REPLICA_SET,
        "wiredTigerCacheSizeGB": "0.25",
        "oplogSize": "256",  # MB; there is no second member to catch up
        "slowOpSampleRate": "0",  # its lines on slow commands quote them: addresses, hashes of passwords, payloads
    }
    parameters = (
        "diagnosticDataCollectionEnabled=false",
        "transactionLifetimeLimitSeconds=5",  # of a gateway that is killed in one: the default locks stock for 60
    )
    said = [*options.items(), *(("setParameter", parameter) for parameter in parameters)]
    words = (word for name, value in said for word in (f"--{name}", value))
    program = _program(home, "mongod", (str(mongo_binary()), *words, "--quiet", "--nounixsocket"))
    url = f"mongodb://{LOOPBACK}:{port}/gateway?replicaSet={REPLICA_SET}"
    return Server(program, url, lambda: lead_set_of_one(REPLICA_SET, f"{LOOPBACK}:{port}"), MONGO_REMEDY)


def free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def is_free(host: str, port: int) -> bool:
    """Whether somebody may listen there now; connections of a server that has ended do not count."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family):
            return True
    except OSError:
        return False


def kept_port(setting: str, home: Home) -> int:
    """The port of last time, if nobody else has taken it."""
    before = urlsplit(home.addresses().get(setting, ""))
    if before.hostname == LOOPBACK and before.port and is_free(LOOPBACK, before.port):
        return before.port
    return free_port()


@contextmanager
def kept_listener(url: str) -> Iterator[int]:
    """The port of `url`, if nobody else has taken it, or another; nobody else is given it while the block runs."""
    before = urlsplit(url)
    port = before.port if before.hostname == LOOPBACK and before.port and is_free(LOOPBACK, before.port) else 0
    with socket.create_server((LOOPBACK, port)) as listener:
        yield listener.getsockname()[1]


def _program(home: Home, name: str, command: tuple[str, ...]) -> Program:
    return Program(name, command, home.log_file(name), home.pid_file(name))


def _redis_answers(port: int) -> bool:
    """Whether Redis takes commands: one that still reads its file says LOADING."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False
