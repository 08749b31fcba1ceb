"""
The processes of a run: started apart, killed and frozen by real signals, started again when they have ended.

A fault waits until the one before at the same process is over. What ends by itself (a worker that finds no MongoDB at
its start) is started again too, as a process manager would, and is counted: the ledger shows it.
"""

import asyncio
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self

from loadtest.chaos.programs import LOOPBACK, Program

LOOK_SECONDS = 0.05
START_SECONDS = 60.0
STOP_SECONDS = 15.0
AGAIN_SECONDS = 0.5  # before what ended by itself is started again


class Member:
    """One process under its name, whichever number it has at the moment."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.turn = asyncio.Lock()  # one fault at a time
        self.frozen = False
        self.process = _start(program)

    @property
    def runs(self) -> bool:
        """Whether it is there and nobody has stopped it."""
        return self.process.poll() is None and not self.frozen

    def signal(self, number: signal.Signals) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)

    def start_again(self) -> None:
        self.frozen = False
        self.process = _start(self.program)


class Fleet:
    """Use it as a context: whatever happens inside, none of its processes is left at the end."""

    def __init__(self, home: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._home = home
        self._clock = clock
        self._members: dict[str, Member] = {}
        self._sessions: set[int] = set()
        self.ended_themselves: Counter[str] = Counter()  # "worker, code 78"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill_all()

    def start(self, program: Program) -> None:
        member = Member(program)
        self._members[program.name] = member
        self._sessions.add(member.process.pid)

    def runs(self, name: str) -> bool:
        return self._members[name].runs

    def pid(self, name: str) -> int:
        return self._members[name].process.pid

    def turn(self, name: str) -> asyncio.Lock:
        return self._members[name].turn

    async def listening(self, names: Iterable[str]) -> None:
        """Wait until each takes connections. Raises `RuntimeError` with the end of its log when it does not."""
        give_up_at = self._clock() + START_SECONDS
        for name in names:
            program = self._members[name].program
            while not await _takes_connections(program.port):
                if self._clock() > give_up_at:
                    raise RuntimeError(
                        f"{name} does not listen after {START_SECONDS:.0f} s; {program.log} ends:\n{_tail(program.log)}"
                    )
                await asyncio.sleep(LOOK_SECONDS)

    async def keep(self) -> None:
        """Start again what has ended by itself, until cancelled. What a fault has ended is the fault's to start."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for name, member in self._members.items():
                code = member.process.poll()
                if code is not None and not member.turn.locked():
                    self.ended_themselves[f"{name.partition('-')[0]}, {_ending(code)}"] += 1
                    async with member.turn:
                        await asyncio.sleep(AGAIN_SECONDS)
                        self._start_again(member)

    async def kill(
        self, names: Iterable[str], dead_seconds: float, meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        """
        End them with signal 9 at the same moment, and start them again after a while.

        `meanwhile` is done while they are dead. The caller holds their turns.
        """
        hit = [self._members[name] for name in names]
        for member in hit:
            member.signal(signal.SIGKILL)
        await self._ended(hit)
        meanwhile()
        await asyncio.sleep(dead_seconds)
        for member in hit:
            self._start_again(member)

    async def restart(self, name: str, away_seconds: float) -> None:
        """End it as an operator would, and start it again. The caller holds its turn."""
        member = self._members[name]
        member.signal(signal.SIGTERM)
        await self._ended([member])
        await asyncio.sleep(away_seconds)
        self._start_again(member)

    async def freeze(self, name: str, seconds: float) -> None:
        """It keeps its connections and says nothing. The caller holds its turn."""
        member = self._members[name]
        member.signal(signal.SIGSTOP)
        member.frozen = True
        try:
            await asyncio.sleep(seconds)
        finally:
            member.signal(signal.SIGCONT)
            member.frozen = False

    async def stop(self, names: Iterable[str]) -> None:
        """End these in order; what does not within the grace is killed."""
        hit = [self._members.pop(name) for name in names if name in self._members]
        for member in hit:
            member.signal(signal.SIGCONT)
            member.signal(signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended(hit), STOP_SECONDS)
        for member in hit:
            member.process.kill()
            member.process.wait()

    def kill_all(self) -> None:
        """Every process that was ever started here, and what those have started in their sessions."""
        for member in self._members.values():
            member.process.kill()
        for member in self._members.values():
            member.process.wait()
        self._members.clear()
        for pid in _left_behind(self._sessions, self._home):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _start_again(self, member: Member) -> None:
        member.start_again()
        self._sessions.add(member.process.pid)

    async def _ended(self, members: list[Member]) -> None:
        while any(member.process.poll() is None for member in members):
            await asyncio.sleep(0.01)


def _start(program: Program) -> subprocess.Popen[bytes]:
    with program.log.open("ab") as log:
        return subprocess.Popen(
            program.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=program.environment,
            cwd=program.directory,
            start_new_session=True,  # Ctrl-C at the terminal is for us alone
        )


async def _takes_connections(port: int | None) -> bool:
    if port is None:
        return True
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True


def _left_behind(sessions: set[int], home: Path) -> list[int]:
    """
    What a killed process had started: it keeps the number of the process that began its session.

    Numbers are given out again, so it must name our home in its environment too.
    """
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            session = int(stat.read_text().rpartition(")")[2].split()[3])
            if session in sessions and os.fsencode(home) in (stat.parent / "environ").read_bytes():
                found.append(int(stat.parent.name))
    return found


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"code {code}"


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-10:])
