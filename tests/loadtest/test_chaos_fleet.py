"""The processes of a chaos run, with programs that do nothing but listen."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from loadtest.chaos.fleet import Fleet
from loadtest.chaos.programs import Program
from tests.system.running import runs

NAPS = "import time; print('up', flush=True); time.sleep(60)"
HAS_A_CHILD = (
    f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {NAPS!r}]).pid, flush=True); {NAPS}"
)
HEEDS_NOTHING = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {NAPS}"


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    with Fleet(tmp_path) as fleet:
        keeper = asyncio.create_task(fleet.keep())
        yield fleet
        keeper.cancel()


def a_program(home: Path, code: str = NAPS, name: str = "napper") -> Program:
    environment = {**os.environ, "GATEWAY_HOME": str(home)}
    return Program(name, (sys.executable, "-c", code), environment, home, home / f"{name}.log")


async def until_true(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


async def test_what_is_killed_runs_again_under_another_number(fleet: Fleet, tmp_path: Path) -> None:
    fleet.start(a_program(tmp_path))
    before = fleet.pid("napper")

    async with fleet.turn("napper"):
        await fleet.kill(["napper"], 0.0)

    assert not runs(before)
    assert runs(fleet.pid("napper"))
    assert not fleet.ended_themselves


async def test_while_it_is_dead_the_rest_of_the_fault_is_done(fleet: Fleet, tmp_path: Path) -> None:
    fleet.start(a_program(tmp_path))
    alive = []

    async with fleet.turn("napper"):
        await fleet.kill(["napper"], 0.0, lambda: alive.append(fleet.runs("napper")))

    assert alive == [False]


async def test_what_is_frozen_goes_on_as_the_same_process(fleet: Fleet, tmp_path: Path) -> None:
    fleet.start(a_program(tmp_path))
    pid = fleet.pid("napper")

    async with fleet.turn("napper"):
        freezing = asyncio.create_task(fleet.freeze("napper", 0.2))
        await until_true(lambda: state(pid) == "T")
        assert not fleet.runs("napper")
        await freezing

    assert fleet.pid("napper") == pid
    await until_true(lambda: state(pid) != "T")


async def test_what_ends_by_itself_is_started_again_and_counted(fleet: Fleet, tmp_path: Path) -> None:
    fleet.start(a_program(tmp_path))
    before = fleet.pid("napper")

    os.kill(before, signal.SIGKILL)

    await until_true(lambda: fleet.pid("napper") != before)
    assert fleet.ended_themselves == {"napper, signal 9": 1}


async def test_nothing_is_left_when_the_run_breaks_off(tmp_path: Path) -> None:
    pids = []
    with suppress(RuntimeError), Fleet(tmp_path) as fleet:
        for name, code in {"deaf": HEEDS_NOTHING, "frozen": NAPS}.items():
            fleet.start(a_program(tmp_path, code, name))
            pids.append(fleet.pid(name))
        os.kill(pids[1], signal.SIGSTOP)
        raise RuntimeError("broken off")

    assert not any(map(runs, pids))


async def test_what_a_killed_process_had_started_is_ended_too(tmp_path: Path) -> None:
    with Fleet(tmp_path) as fleet:
        program = a_program(tmp_path, HAS_A_CHILD)
        fleet.start(program)
        await until_true(lambda: program.log.read_text().count("\n") == 3)
        child = next(int(line) for line in program.log.read_text().split() if line.isdecimal())

    await until_true(lambda: not runs(child))
