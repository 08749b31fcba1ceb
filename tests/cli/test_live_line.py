"""The live line, and what is printed once everything runs."""

import io
from datetime import datetime

import pytest

from cli.home import Home
from cli.live_line import LiveLine
from cli.settings import load_settings
from cli.terminal import Terminal
from cli.welcome import welcome
from domain.infra.stats import Load


class FakeLoadSource:
    def __init__(self, *loads: Load | Exception) -> None:
        self._loads = list(loads)

    async def read(self, since: datetime, until: datetime) -> Load:
        load = self._loads.pop(0)
        if isinstance(load, Exception):
            raise load
        return load


class FakeTty(io.StringIO):
    def isatty(self) -> bool:
        return True


async def test_a_log_file_gets_a_line_only_when_something_changed() -> None:
    out = io.StringIO()
    line = LiveLine(Terminal(out), FakeLoadSource(Load(0, 0), Load(0, 0), Load(0, 7)))
    for _ in range(3):
        await line.refresh()
    assert out.getvalue().splitlines() == ["0.0 jobs/s, queue depth 0", "0.0 jobs/s, queue depth 7"]


async def test_a_terminal_gets_one_line_that_changes_in_place() -> None:
    out = FakeTty()
    terminal = Terminal(out)
    line = LiveLine(terminal, FakeLoadSource(Load(0, 0), Load(0, 1)))
    await line.refresh()
    await line.refresh()
    terminal.say("news")
    assert out.getvalue() == "\r\x1b[K0.0 jobs/s, queue depth 0\r\x1b[K0.0 jobs/s, queue depth 1\r\x1b[Knews\n"


async def test_a_server_that_is_away_is_said_and_survived() -> None:
    out = io.StringIO()
    line = LiveLine(Terminal(out), FakeLoadSource(ConnectionError(), Load(0, 2)))
    await line.refresh()
    await line.refresh()
    assert out.getvalue().splitlines()[0].startswith("jobs/s unknown")
    assert out.getvalue().splitlines()[1].endswith("queue depth 2")


def test_the_welcome_holds_the_line_to_copy_as_the_readme_prints_it(home: Home) -> None:
    text = welcome(load_settings({"anonymous": "1"}), home)
    assert (
        "curl -X POST http://localhost:8000/jobs -H 'Content-Type: application/json' -d "
        '\'{"vendorType": "sync", "vendorPayload": {"productId": "PROD-ABC-123", "action": "fetch_details"}}\''
    ) in text


def test_the_welcome_shows_no_password_and_says_where_credentials_are_needed(home: Home) -> None:
    text = welcome(load_settings({"mongo_url": "mongodb://me:hunter2@db.example:1/x"}), home)
    assert "hunter2" not in text
    assert "mongodb://db.example:1/x" in text
    assert "Authorization: Bearer BOOTSTRAP_KEY" in text
    assert "gateway bootstrap-key --renew" in text


@pytest.mark.parametrize(
    ("host", "anonymous", "warned"),
    [("0.0.0.0", "1", True), ("192.0.2.7", "1", True), ("0.0.0.0", "0", False), ("127.0.0.1", "1", False)],
)
def test_the_welcome_says_where_anybody_is_let_in(home: Home, host: str, anonymous: str, warned: bool) -> None:
    text = welcome(load_settings({"host": host, "anonymous": anonymous}), home)
    assert ("GATEWAY_ANONYMOUS=0" in text) is warned
