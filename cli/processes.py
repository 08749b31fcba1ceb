"""
Child processes: started apart from the terminal, known by pid file, stopped in time.

Each child leads a session of its own, so that a Ctrl-C at the terminal reaches us alone and
we decide who stops when. What an earlier gateway left behind when it was killed is found by
its pid file, and stopped if its command line says that it belongs to the same home.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cli.home import Home, write_whole

LOOK_SECONDS = 0.05
LARGE_LOG_BYTES = 20 << 20
REQUESTS_SECONDS = 10  # what the API gives the requests under way when it stops
LEFTOVER_GRACE_SECONDS = 10.0  # MongoDB closes its files in one or two
DEMO_VENDORS = "demo-vendors"  # the calls of those that stop need it, so it ends after them
SERVER_NAMES = ("redis", "mongod")  # the others need them, so they end last


@dataclass(frozen=True, slots=True)
class Program:
    """What to start, and where its output and its process id go."""

    name: str
    command: tuple[str, ...]
    log: Path
    pid_file: Path
    environment: Mapping[str, str] | None = None  # None: ours
    directory: Path | None = None  # None: ours


class Child:
    """A program that was started. Its pid file says so for as long as we know of it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._process = _start(program)

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        if self.exit_code() is None:
            self._process.send_signal(number)

    def terminate(self) -> None:
        if self.exit_code() is None:
            self._process.terminate()

    def kill(self) -> None:
        """End it and whatever it started."""
        if self.exit_code() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def last_lines(self, count: int = 8) -> list[str]:
        return last_lines(self.program.log, count)


def stop(children: Iterable[Child], grace_seconds: float, hurry: Callable[[], bool] = lambda: False) -> list[Child]:
    """
    Ask all of them to stop at the same time, and kill those that have not within the grace, or once in a hurry.

    Answers those that were killed.
    """
    asked = list(children)
    give_up_at = time.monotonic() + grace_seconds
    for child in asked:
        child.terminate()
    while any(child.exit_code() is None for child in asked) and time.monotonic() < give_up_at and not hurry():
        time.sleep(LOOK_SECONDS)
    late = [child for child in asked if child.exit_code() is None]
    for child in asked:
        child.kill()
        child.program.pid_file.unlink(missing_ok=True)
    return late


def stop_leftovers(home: Home) -> list[str]:
    """Stop what an earlier gateway left running in `home`; answers the names."""
    found: dict[str, int] = {}
    for file in sorted(home.path.glob("*.pid")):
        pid = _read_pid(file)
        if pid is not None and pid != os.getpid() and _belongs(pid, home.path):
            found[file.stem] = pid
        if pid != os.getpid():
            file.unlink(missing_ok=True)
    rest = found.keys() - {DEMO_VENDORS, *SERVER_NAMES}
    for names in (rest, found.keys() & {DEMO_VENDORS}, found.keys() & SERVER_NAMES):
        _end([found[name] for name in names], home.path)
    return sorted(found)


def last_lines(log: Path, count: int) -> list[str]:
    """The end of a log, which may be large."""
    try:
        with log.open("rb") as file:
            file.seek(max(log.stat().st_size - 500 * count, 0))
            return file.read().decode(errors="replace").splitlines()[-count:]
    except OSError:
        return []


def _start(program: Program) -> subprocess.Popen[bytes]:
    if program.log.exists() and program.log.stat().st_size > LARGE_LOG_BYTES:
        program.log.replace(program.log.with_suffix(".log.1"))
    with program.log.open("ab") as log:
        process = subprocess.Popen(
            program.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=program.environment,
            cwd=program.directory,
            start_new_session=True,
        )
    write_whole(program.pid_file, f"{process.pid}\n")  # whoever has to stop it later must never find half of it
    return process


def _read_pid(file: Path) -> int | None:
    text = file.read_text().strip()
    return int(text) if text.isdecimal() else None


def _belongs(pid: int, home: Path) -> bool:
    """Whether this process works for `home`: process ids are given out again, and may be a stranger's by now."""
    return any(word == str(home) or word.startswith(f"{home}{os.sep}") for word in _command_line(pid))


def _command_line(pid: int) -> Sequence[str]:
    """Empty for a process that is no more, or that nobody has waited for yet."""
    if Path("/proc/self/cmdline").exists():
        with suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
        return []
    command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]  # macOS
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()


def _end(pids: Sequence[int], home: Path) -> None:
    give_up_at = time.monotonic() + LEFTOVER_GRACE_SECONDS
    _signal(pids, signal.SIGTERM)
    while any(_runs(pid) for pid in pids) and time.monotonic() < give_up_at:
        time.sleep(LOOK_SECONDS)
    _signal([pid for pid in pids if _belongs(pid, home)], signal.SIGKILL)


def _runs(pid: int) -> bool:
    """Whether it holds files and ports still: a process that nobody has waited for yet does not."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    try:
        os.kill(pid, 0)  # without /proc (macOS), init waits for what is left over
    except ProcessLookupError:
        return False
    return True


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
