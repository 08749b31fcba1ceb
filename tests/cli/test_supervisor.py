"""The supervisor and its children, with tiny programs of the shell."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.home import Home
from cli.processes import Child, Program, stop, stop_leftovers
from cli.supervisor import FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, Supervisor
from domain.errors import ConfigurationError

FOR_LONG = "for moment in $(seq 600); do sleep 0.05; done"


def program(home: Home, script: str, name: str = "child") -> Program:
    return Program(name, ("/bin/sh", "-c", script, str(home.path)), home.log_file(name), home.pid_file(name))


class Clock:
    """Real time, which a test can move on."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def supervisor(said: list[str], clock: Clock) -> Iterator[Supervisor]:
    kept = Supervisor(said.append, clock)
    yield kept
    kept.stop(["child"], 0)


def look_until_it_says(supervisor: Supervisor, said: list[str], count: int) -> None:
    while len(said) < count:
        supervisor.look()
        time.sleep(0.01)


def test_a_child_that_dies_is_started_again_with_the_end_of_its_log_shown(
    home: Home, supervisor: Supervisor, said: list[str], clock: Clock
) -> None:
    supervisor.start(program(home, f"echo hello; {FOR_LONG}"))
    first = int(home.pid_file("child").read_text())
    while not home.log_file("child").read_text():
        time.sleep(0.01)
    os.kill(first, signal.SIGKILL)
    look_until_it_says(supervisor, said, 1)
    assert "ended by signal 9" in said[0]
    assert "hello" in said[0]
    clock.ahead = 1
    supervisor.look()
    assert int(home.pid_file("child").read_text()) != first


def test_a_child_that_keeps_dying_waits_longer_each_time_up_to_a_cap(
    home: Home, supervisor: Supervisor, said: list[str], clock: Clock
) -> None:
    supervisor.start(program(home, "exit 3"))
    for count in range(1, 13):
        look_until_it_says(supervisor, said, count)
        clock.ahead += LONGEST_WAIT_SECONDS
        supervisor.look()
    waits = [float(line.split(" again in ")[1].split(" s")[0]) for line in said]
    assert waits == sorted(waits)
    assert waits[0] < 1
    assert waits[-1] == LONGEST_WAIT_SECONDS


def test_a_wrong_configuration_at_the_first_start_ends_everything_with_its_message(
    home: Home, supervisor: Supervisor
) -> None:
    supervisor.start(program(home, "echo noise; echo 'gateway: vendors.toml:7: no url; give one'; exit 78"))
    with pytest.raises(ConfigurationError, match=r"^vendors\.toml:7: no url; give one$"):
        look_until_it_says(supervisor, [], 1)


def test_a_restart_on_purpose_is_no_death(home: Home, supervisor: Supervisor, said: list[str]) -> None:
    supervisor.start(program(home, FOR_LONG))
    first = home.pid_file("child").read_text()
    supervisor.restart(["child"], 1)
    supervisor.look()
    assert home.pid_file("child").read_text() != first
    assert said == []


def test_who_reads_a_pid_while_it_changes_finds_a_whole_one(home: Home, supervisor: Supervisor) -> None:
    supervisor.start(program(home, FOR_LONG))
    with home.pid_file("child").open() as opened:
        first = int(home.pid_file("child").read_text())
        os.kill(first, signal.SIGKILL)
        while int(home.pid_file("child").read_text()) == first:
            supervisor.look()
            time.sleep(0.01)
        assert opened.read() == f"{first}\n"  # replaced, and not written over


def test_stopping_asks_first_and_kills_after_the_grace(home: Home) -> None:
    obedient = Child(program(home, f"trap 'echo bye; exit 0' TERM; echo up; {FOR_LONG}", "obedient"))
    stubborn = Child(program(home, f"trap '' TERM; echo up; {FOR_LONG}", "stubborn"))
    while not (obedient.last_lines() and stubborn.last_lines()):
        time.sleep(0.01)
    assert stop([obedient, stubborn], 0.5) == [stubborn]
    assert obedient.last_lines()[-1] == "bye"
    assert (obedient.exit_code(), stubborn.exit_code()) == (0, -signal.SIGKILL)
    assert list(home.path.glob("*.pid")) == []


def test_who_had_to_be_killed_at_the_end_is_named(home: Home, supervisor: Supervisor, said: list[str]) -> None:
    supervisor.start(program(home, f"trap '' TERM; echo up; {FOR_LONG}"))
    pid = int(home.pid_file("child").read_text())
    while not home.log_file("child").read_text():
        time.sleep(0.01)
    supervisor.stop(["child"], 0.1)
    assert said == [f"child (process {pid}) was killed, as it had not stopped within 0.1 s"]


def test_who_is_killed_in_a_hurry_is_named_too(home: Home, supervisor: Supervisor, said: list[str]) -> None:
    supervisor.start(program(home, f"trap '' TERM; echo up; {FOR_LONG}"))
    while not home.log_file("child").read_text():
        time.sleep(0.01)
    supervisor.stop(["child"], 30, lambda: True)
    assert said[0].endswith(" was killed, at your second word")


def test_somebody_in_a_hurry_does_not_wait_for_the_grace(home: Home) -> None:
    stubborn = Child(program(home, f"trap '' TERM; echo up; {FOR_LONG}"))
    while not stubborn.last_lines():
        time.sleep(0.01)
    began = time.monotonic()
    stop([stubborn], 30, lambda: True)
    assert time.monotonic() - began < 5


def test_what_a_killed_gateway_left_running_is_stopped(home: Home) -> None:
    left = Child(program(home, f"echo up; {FOR_LONG}"))
    while not left.last_lines():  # the kernel shows its command line by then
        time.sleep(0.01)
    try:
        assert stop_leftovers(home) == ["child"]
        assert left.exit_code() is not None
        assert not home.pid_file("child").exists()
    finally:
        stop([left], 1)


def test_a_strangers_process_with_a_recorded_number_is_left_alone(home: Home, tmp_path: Path) -> None:
    stranger = Child(program(Home.at(tmp_path / "home-2"), FOR_LONG))  # the path begins like the home's
    try:
        home.pid_file("child").write_text(f"{stranger.pid}\n")
        assert stop_leftovers(home) == []
        assert stranger.exit_code() is None
    finally:
        stop([stranger], 1)


def test_a_childs_session_is_its_own(home: Home) -> None:
    child = Child(program(home, FOR_LONG))
    try:
        assert os.getsid(child.pid) == child.pid  # so a Ctrl-C at the terminal does not reach it
    finally:
        stop([child], 1)


def test_the_first_new_start_comes_almost_at_once() -> None:
    assert FIRST_WAIT_SECONDS <= 0.1
