"""The files of figures: one a process, written anew, left out when their process is gone."""

import asyncio
import os
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest
import uvloop
from structlog.testing import capture_logs

from cli.figures import DEAD_SECONDS, Figures, forget_figures, read_figures, shown
from domain.bugs import Bug
from domain.errors import ConfigurationError, Unavailable
from domain.infra.loop_lag import loop_lag
from domain.metrics import (
    ATTEMPT_SECONDS,
    INSTANCE_UP,
    JOBS_ACCEPTED,
    LOOP_LAG_SECONDS,
    PROGRAMMING_ERRORS,
    STARTED_SECONDS,
)
from domain.tallies import Single, Snapshot, Spread
from tests.strategies import NOON

BUG = Bug(NOON, "", "KeyError", "worker/runner.py:93", "adapter failed", "t")


class FakeBugRecord:
    """A `BugRecord` that is away for the first `away` times."""

    def __init__(self, away: int = 0) -> None:
        self.kept: list[Bug] = []
        self.called = asyncio.Event()
        self._away = away

    async def keep(self, bugs: Sequence[Bug]) -> None:
        self._away -= 1
        if self._away >= 0:
            raise Unavailable("away")
        self.kept += bugs
        if bugs:
            self.called.set()

    async def since(self, moment: datetime) -> Sequence[Bug]:
        return self.kept


def counted(process: str, times: int) -> Figures:
    figures = Figures(process)
    figures.counts.add(JOBS_ACCEPTED, "sync", by=times)
    return figures


def test_what_each_process_wrote_last_is_read(tmp_path: Path) -> None:
    for figures in (counted("api", 1), counted("worker-1", 5), counted("worker-1", 7)):
        figures.write(tmp_path / "metrics")
    found = read_figures(tmp_path / "metrics")
    assert {name: [single.value for single in one.singles] for name, one in found.items()} == {
        "api": [1],
        "worker-1": [7],
    }


def test_a_dead_processs_file_goes_and_what_is_no_figures_is_left_out(tmp_path: Path) -> None:
    counted("api", 1).write(tmp_path)
    counted("dead", 1).write(tmp_path)
    long_ago = (tmp_path / "dead.json").stat().st_mtime - DEAD_SECONDS - 1
    os.utime(tmp_path / "dead.json", (long_ago, long_ago))
    (tmp_path / "torn.json").write_text('{"singles": [')
    assert list(read_figures(tmp_path)) == ["api"]
    assert not (tmp_path / "dead.json").exists()


def test_a_new_start_forgets_what_earlier_ones_counted(tmp_path: Path) -> None:
    counted("api", 1).write(tmp_path)
    forget_figures(tmp_path)
    forget_figures(tmp_path / "never made")
    assert read_figures(tmp_path) == {}


def test_who_comes_again_goes_on_from_where_its_predecessor_was_killed(tmp_path: Path) -> None:
    killed = counted("worker-1", 5)
    killed.counts.observe(ATTEMPT_SECONDS, 0.2, "sync")
    killed.counts.set(STARTED_SECONDS, 1)
    killed.write(tmp_path)
    again = counted("worker-1", 2)
    again.counts.set(STARTED_SECONDS, 2)
    again.go_on(tmp_path)
    again.counts.observe(ATTEMPT_SECONDS, 400, "sync")
    assert (again.counts.of(JOBS_ACCEPTED, "sync"), again.counts.of(STARTED_SECONDS)) == (7, 2)
    (spread,) = again.snapshot().spreads
    assert (sum(spread.counts), spread.counts[-1], spread.total) == (2, 1, 400.2)


def test_what_another_version_counted_otherwise_is_not_taken_up() -> None:
    again = Figures("worker-1")
    again.counts.take_up(
        Snapshot(
            (Single("gateway_gone_total", ("sync",), 5), Single(JOBS_ACCEPTED.name, ("sync", "more"), 5)),
            (Spread(ATTEMPT_SECONDS.name, ("sync",), (1, 2), 3.0),),
        )
    )
    assert again.snapshot() == Snapshot()


async def test_a_start_clears_away_what_the_dead_left_though_nobody_scrapes(tmp_path: Path) -> None:
    left = (tmp_path / "worker-4711.json", tmp_path / ".worker-4711.json.4711")
    for file in left:
        file.write_text("{}")
        os.utime(file, (1, 1))
    async with shown(Figures("api"), tmp_path, FakeBugRecord()):
        assert [file.exists() for file in left] == [False, False]


def test_what_is_looked_at_when_figures_are_leaves_nothing_of_what_has_gone() -> None:
    there, figures = ["one", "two"], Figures("api")
    figures.readings.append(lambda: [Single(INSTANCE_UP.name, ("user", name), 1) for name in there])
    assert len(figures.snapshot().singles) == 2
    there.remove("two")
    assert [single.labels for single in figures.snapshot().singles] == [("user", "one")]


@pytest.mark.parametrize(("name", "process"), [("worker-1", "worker-1"), ("../../etc/cron", ".._.._etc_cron")])
def test_a_name_is_a_files_name(name: str, process: str) -> None:
    assert Figures.of("worker", name).process == process


def test_without_a_name_it_is_the_command_and_the_process() -> None:
    assert Figures.of("worker", None).process == f"worker-{os.getpid()}"


async def test_what_was_counted_and_met_last_is_shown_and_kept_at_the_end(tmp_path: Path) -> None:
    figures, record = Figures("api"), FakeBugRecord()
    async with shown(figures, tmp_path, record):
        figures.note_bug(BUG)
        figures.note_bug(BUG)
    assert [(bug.process, bug.times) for bug in record.kept] == [("api", 2)]
    (single,) = read_figures(tmp_path)["api"].singles
    assert (single.name, single.labels, single.value) == (PROGRAMMING_ERRORS.name, ("KeyError",), 2)


async def test_bugs_met_while_the_record_is_away_are_counted_once_and_told_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.figures.LOOK_SECONDS", 0.001)
    figures, record = Figures("api"), FakeBugRecord(away=3)
    async with shown(figures, tmp_path, record):
        figures.note_bug(BUG)
        await record.called.wait()
    assert [bug.times for bug in record.kept] == [1]
    assert figures.counts.of(PROGRAMMING_ERRORS, "KeyError") == 1


async def test_a_process_that_ends_of_a_bug_tells_of_it(tmp_path: Path) -> None:
    async def break_it() -> None:
        raise ZeroDivisionError

    with capture_logs() as lines, pytest.raises(ExceptionGroup):
        async with shown(Figures("api"), tmp_path, FakeBugRecord()), asyncio.TaskGroup() as group:
            group.create_task(break_it())
    assert [(line["event"], type(line["exc_info"])) for line in lines] == [("the process broke", ZeroDivisionError)]


async def test_a_setting_that_is_wrong_is_no_bug(tmp_path: Path) -> None:
    with capture_logs() as lines, pytest.raises(ConfigurationError):
        async with shown(Figures("api"), tmp_path, FakeBugRecord()):
            raise ConfigurationError("GATEWAY_PORT: taken")
    assert lines == []


async def test_the_loops_lag_is_looked_at_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.figures.LOOK_SECONDS", 0.001)
    figures = Figures("api")
    async with shown(figures, tmp_path, FakeBugRecord()):
        while not (tmp_path / "api.json").exists():
            await asyncio.sleep(0.001)
    assert figures.counts.of(LOOP_LAG_SECONDS) >= 4


def test_the_lag_of_a_turn_that_others_make_long_is_seen() -> None:
    async def measured() -> float:
        loop = asyncio.get_running_loop()
        loop.call_later(0.01, loop.call_soon, time.sleep, 0.1)  # stands before us in the same turn
        return await loop_lag(0.01)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(measured()) > 0.09


async def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.figures.LOOK_SECONDS", 0.001)
    (tmp_path / "metrics").write_text("a file where the folder should be")
    figures = Figures("api")
    async with shown(figures, tmp_path / "metrics", FakeBugRecord()):
        while figures.counts.of(LOOP_LAG_SECONDS) < 12:
            await asyncio.sleep(0.001)
