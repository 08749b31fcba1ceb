"""
The directory that a gateway on this machine lives in (`GATEWAY_HOME`).

    lock            held by the one `gateway up` that runs here
    servers.env     the addresses of the servers, and so the ports to take again
    redis/ mongo/   the embedded servers' data
    logs/           one file a process
    metrics/        one file a process: its figures, written each second
    *.pid           one file a process
    bootstrap.key   SHA-256 of the bootstrap key, or `revoked`; cursor.secret: what page cursors are signed with
    callback.secret   what the secrets of clients' callbacks are derived from
    jwt.secret      what tokens are signed by
    mail/           in development, the mails that were sent, one file each
    demo-webhook.secret   what the simulated vendors sign their webhooks with
    backup.json     only where the home came from a backup and `gateway restored` has not been run since
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from domain.errors import ConfigurationError

OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True)
class Home:
    path: Path  # absolute: it stands in every child's command line, which is how leftovers are known

    @classmethod
    def at(cls, path: Path) -> "Home":
        """The home at `path`, made if it is not there."""
        home = cls(path.expanduser().resolve())
        try:
            home.logs.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise ConfigurationError(
                f"GATEWAY_HOME: cannot make {home.path} ({fault.strerror}); name a directory that may be written"
            ) from None
        return home

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics"

    @property
    def servers_file(self) -> Path:
        return self.path / "servers.env"

    def log_file(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def pid_file(self, name: str) -> Path:
        return self.path / f"{name}.pid"

    def addresses(self) -> dict[str, str]:
        """What `servers.env` says; empty when no servers were ever started here."""
        if not self.servers_file.exists():
            return {}
        lines = self.servers_file.read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def write_addresses(self, addresses: Mapping[str, str]) -> None:
        write_whole(self.servers_file, "".join(f"{name}={value}\n" for name, value in addresses.items()))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only gateway here. The lock goes with the process, however it ends."""
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, OWNER_ONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode().strip()
            os.close(descriptor)
            raise ConfigurationError(
                f"GATEWAY_HOME: another gateway (process {holder}) runs in {self.path}; "
                "stop it, or set GATEWAY_HOME to another directory"
            ) from None
        try:
            os.truncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
            yield
        finally:
            os.close(descriptor)


def write_whole(path: Path, text: str) -> None:
    """Replace a file at once: a reader sees the old text or the new, and a crash leaves one of them."""
    write_draft(path, text).replace(path)


def write_draft(path: Path, text: str) -> Path:
    """A file beside `path`, readable by its owner only."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    return draft
