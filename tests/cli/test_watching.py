"""Tables and `.env` are watched: a change or a SIGHUP has them read again."""

import asyncio
import os
import signal
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cli.home import Home
from cli.settings import load_settings
from cli.watching import SecretsInHome, files_of, live_vendors, watched
from vendors.http import VendorHttp

TABLE = '[vendors.a]\nurl = "${BASE}/x"\n'


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("vendors.toml").write_text(TABLE)
    Path(".env").write_text("BASE=http://one\n")


@asynccontextmanager
async def reloads(*files: Path) -> AsyncIterator[asyncio.Event]:
    told = asyncio.Event()
    async with watched(files, told.set), asyncio.timeout(10):
        await asyncio.sleep(0)  # the first look
        yield told


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.write_text("changed"),
        lambda file: file.unlink(),
        lambda file: (file.with_name("new").write_text("x"), file.with_name("new").replace(file)),
    ],
    ids=["written", "removed", "replaced"],
)
async def test_a_change_of_a_file_is_noticed(change: Callable[[Path], object]) -> None:
    async with reloads(Path("vendors.toml"), Path(".env")) as told:
        change(Path(".env"))
        await told.wait()


async def test_a_hangup_is_heard_at_once_and_only_while_watched() -> None:
    before = signal.getsignal(signal.SIGHUP)
    async with reloads() as told:
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.wait_for(told.wait(), 0.5)
    assert signal.getsignal(signal.SIGHUP) == before


def test_dotenv_is_read_again_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BASE", raising=False)
    settings = load_settings()
    vendors = live_vendors(settings, VendorHttp(), adapters={})
    first = vendors["a"]
    Path(".env").write_text("BASE=http://two\n")
    assert vendors.reload()
    second = vendors["a"]
    assert second is not first
    monkeypatch.setenv("BASE", "http://two")
    Path(".env").write_text("BASE=http://three\n")
    vendors.reload()
    assert vendors["a"] is second


def test_a_spoiled_dotenv_changes_nothing() -> None:
    vendors = live_vendors(load_settings(), VendorHttp(), adapters={})
    Path(".env").write_bytes(b"BASE=\xff\xfe")
    assert not vendors.reload()
    assert set(vendors) == {"a"}


def test_what_is_watched_are_the_tables_and_dotenv() -> None:
    files = files_of(load_settings({"vendors_file": "one.toml:two.toml"}))
    assert [str(file) for file in files] == ["one.toml", "two.toml", ".env"]


def test_former_secrets_are_kept_in_the_home_for_its_owner_only() -> None:
    file = SecretsInHome(Home.at(Path("home")))
    assert file.read() == ""
    file.write("x")
    assert file.read() == "x"
    assert stat.S_IMODE(Path("home/webhook-secrets.json").stat().st_mode) == 0o600
