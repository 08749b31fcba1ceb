"""
What a run starts: the words and settings of each process, and the place that they share.

Ports are taken from below the range that the kernel gives to outgoing connections: the port of a server that has
been killed could else be a client's by the time it is started again, or a client could even be connected to itself.
"""

import os
import socket
import sys
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random

from loadtest.chaos.schedule import APIS, REDIS, VENDOR, WEBHOOKS, WORKERS

LOOPBACK = "127.0.0.1"
REPLICA_SET = "chaos"
MEMBERS = ("mongo-1", "mongo-2", "mongo-3")
RECEIVER = "receiver"  # of callbacks; it is the client's, and nothing happens to it
SERVERS = (REDIS, *MEMBERS)
STRANGERS = (VENDOR, RECEIVER)
GATEWAY = (*APIS, *WEBHOOKS, *WORKERS)
EVERY = (*SERVERS, *STRANGERS, *GATEWAY)  # in the order they start in
FIRST_PORT, LAST_PORT = 12_000, 32_000
ELECTION_MS = 1_000


@dataclass(frozen=True, slots=True)
class Binaries:
    redis: Path
    mongod: Path


@dataclass(frozen=True, slots=True)
class Program:
    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path
    log: Path
    port: int | None = None  # where it listens, if it does


@dataclass(frozen=True, slots=True)
class Site:
    """Where a run takes place."""

    home: Path
    seed: int
    binaries: Binaries
    ports: Mapping[str, int]

    @classmethod
    def at(cls, home: Path, seed: int, binaries: Binaries) -> "Site":
        for name in ("logs", REDIS, *MEMBERS, "gateway", "journals"):
            (home / name).mkdir(parents=True, exist_ok=True)
        listening = [name for name in EVERY if name not in WORKERS]
        return cls(home, seed, binaries, dict(zip(listening, _free_ports(len(listening)), strict=True)))

    @property
    def tables(self) -> Path:
        return self.home / "vendors.toml"

    @property
    def secret(self) -> str:
        """What the vendors sign with."""
        return f"whsec_{b64encode(Random(self.seed).randbytes(32)).decode()}"

    @property
    def admin_key(self) -> str:
        return f"gwk_{Random(self.seed).randbytes(24).hex()}"

    def admit_admin(self) -> None:
        """Have the gateway know the key from its first start: its home keeps the hash of one."""
        (self.home / "gateway" / "bootstrap.key").write_text(f"{sha256(self.admin_key.encode()).hexdigest()}\n")

    @property
    def mongo_url(self) -> str:
        hosts = ",".join(self.address(name) for name in MEMBERS)
        return f"mongodb://{hosts}/gateway?replicaSet={REPLICA_SET}"

    def address(self, name: str) -> str:
        return f"{LOOPBACK}:{self.ports[name]}"

    def url(self, name: str) -> str:
        return f"http://{self.address(name)}"

    def journal(self, name: str) -> Path:
        return self.home / "journals" / f"{name}.jsonl"

    def environment(self) -> dict[str, str]:
        """Of every process: nothing that was set for a gateway elsewhere."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        return kept | {
            "PYTHONUNBUFFERED": "1",
            "GATEWAY_HOME": str(self.home / "gateway"),
            "GATEWAY_MONGO_URL": self.mongo_url,
            "GATEWAY_REDIS_URL": f"redis://{self.address(REDIS)}/0",
            "GATEWAY_VENDORS_FILE": str(self.tables),
            "GATEWAY_DEMO_VENDORS_URL": self.url(VENDOR),
            "GATEWAY_DEMO_WEBHOOK_SECRET": self.secret,
            "GATEWAY_PUBLIC_URL": self.url(WEBHOOKS[0]),
            "GATEWAY_ENV": "development",
            "GATEWAY_ANONYMOUS": "1",
            "GATEWAY_LEASE_SECONDS": "5",
            "GATEWAY_DRAIN_SECONDS": "10",
            "GATEWAY_RECONCILE_EVERY_SECONDS": "0",  # the ledger knows every job
            "GATEWAY_LOG_LEVEL": "info",
        }

    def program(self, name: str) -> Program:
        port = self.ports.get(name)
        environment = self.environment()
        if port is not None:
            environment["GATEWAY_PORT"] = str(port)
        return Program(name, self._command(name), environment, self.home, self.home / "logs" / f"{name}.log", port)

    def _command(self, name: str) -> tuple[str, ...]:
        if name == REDIS:
            return _redis(self)
        if name in MEMBERS:
            return _mongod(self, name)
        python = (sys.executable, "-P", "-m")  # -P: a package of the same name in the directory is not ours
        if name in STRANGERS:
            words = ("--host", LOOPBACK, "--port", str(self.ports[name]), "--journal", str(self.journal(name)))
            webhooks = ",".join(map(self.url, WEBHOOKS))
            telling = (
                ("--secret", self.secret, "--seed", str(self.seed), "--webhooks", webhooks) if name == VENDOR else ()
            )
            return (*python, f"loadtest.chaos.{name}", *words, *telling)
        if name in WORKERS:
            return (*python, "cli.main", "worker", "--name", name)
        return (*python, "cli.main", "api" if name in APIS else "webhooks")


def _redis(site: Site) -> tuple[str, ...]:
    """As the embedded one runs, see `cli.embedded`."""
    options = {
        "port": str(site.ports[REDIS]),
        "bind": LOOPBACK,
        "dir": str(site.home / REDIS),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "aof-load-truncated": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "set-proc-title": "no",
    }
    return (str(site.binaries.redis), *(word for name, value in options.items() for word in (f"--{name}", value)))


def _mongod(site: Site, name: str) -> tuple[str, ...]:
    options = {
        "port": str(site.ports[name]),
        "bind_ip": LOOPBACK,
        "dbpath": str(site.home / name),
        "replSet": REPLICA_SET,
        "wiredTigerCacheSizeGB": "1",  # reading the books must not push out what the gateway works on
        "oplogSize": "512",  # MB: a member that was away catches up
        "setParameter": "diagnosticDataCollectionEnabled=false",
    }
    words = (word for option, value in options.items() for word in (f"--{option}", value))
    return (str(site.binaries.mongod), *words, "--quiet", "--nounixsocket")


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, each of them once."""
    found: list[int] = []
    candidates = Random().sample(range(FIRST_PORT, LAST_PORT), 50 * count)  # not the seed's: two runs may go on at once
    for port in candidates:
        if len(found) == count:
            break
        if _is_free(port):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    try:
        with socket.create_server((LOOPBACK, port)):
            return True
    except OSError:
        return False
