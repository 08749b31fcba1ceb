"""
The vendors' tables and `.env`, watched while a process runs: changed or told by SIGHUP, they are read again.

The files are looked at once a second. What the process's own environment says wins over `.env`, as at the start.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cli.home import Home, write_whole
from cli.settings import DOTENV, Settings
from domain.errors import ConfigurationError
from domain.infra.background import in_background
from domain.vendors import Vendor
from domain.webhooks import WebhookReader
from vendors.http import VendorHttp
from vendors.live import LiveVendors, VendorSources
from vendors.registry import ADAPTERS, MakeVendor
from vendors.signatures.secrets import SecretHistory

LOOK_SECONDS = 1.0


class SecretsInHome:
    """A `SecretFile`: `webhook-secrets.json` in the home, for its owner only."""

    def __init__(self, home: Home) -> None:
        self._path = home.path / "webhook-secrets.json"

    def read(self) -> str:
        return self._path.read_text() if self._path.exists() else ""

    def write(self, text: str) -> None:
        write_whole(self._path, text)


@dataclass(frozen=True, slots=True)
class Receiving:
    """What a receiver of webhooks has: a home, where former secrets outlive it, and readers that no vendor here has."""

    home: Home
    readers: Mapping[str, WebhookReader]


def live_vendors(
    settings: Settings,
    http: VendorHttp,
    *,
    receiving: Receiving | None = None,
    also: Sequence[Vendor] = (),
    adapters: Mapping[str, MakeVendor] = ADAPTERS,
) -> LiveVendors:
    """The vendors as the settings say, and those that were made already. Raises `ConfigurationError`."""
    made = {vendor.name: partial(_made, vendor) for vendor in also}
    sources = VendorSources(settings.vendors_files, lambda: table_environment(settings), {**adapters, **made})
    if receiving is None:
        return LiveVendors(sources, http)
    return LiveVendors(sources, http, SecretHistory(SecretsInHome(receiving.home)), receiving.readers)


@asynccontextmanager
async def watched(files: Sequence[Path], reload: Callable[[], object]) -> AsyncIterator[None]:
    """Call `reload`, in the loop, whenever one of `files` has changed or a SIGHUP comes."""
    loop, before = asyncio.get_running_loop(), signal.getsignal(signal.SIGHUP)
    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        async with in_background(_watch(files, reload)):
            yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        signal.signal(signal.SIGHUP, before)  # the loop would leave the default, which ends the process


def files_of(settings: Settings) -> tuple[Path, ...]:
    """What vendors are made from."""
    return (*settings.vendors_files, DOTENV)


async def _watch(files: Sequence[Path], reload: Callable[[], object]) -> None:
    seen = [_state(file) for file in files]
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        before, seen = seen, [_state(file) for file in files]
        if seen != before:
            reload()


def _state(file: Path) -> tuple[int, int, int] | None:
    """What differs when a file was written or replaced; None while it is not there."""
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _made(vendor: Vendor, _http: VendorHttp, _environment: Mapping[str, str]) -> Vendor:
    return vendor


def table_environment(settings: Settings) -> dict[str, str]:
    """What `${NAME}` in the tables may name. Raises `ConfigurationError`."""
    try:
        return settings.table_environment()
    except (OSError, UnicodeDecodeError) as fault:
        what = f"{DOTENV}:1: cannot be read ({type(fault).__name__}): make it a UTF-8 file"
        raise ConfigurationError(what) from None
