"""
Keeps children running: what dies is started again, with the end of its log shown.

The first new start comes at once; a child that keeps dying young waits twice as long each time.
A child that says at its very first start that it is configured wrongly ends everything.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from signal import Signals

from cli.processes import Child, Program, stop
from domain.errors import ConfigurationError

CONFIGURATION_EXIT = 78  # EX_CONFIG of sysexits.h
MESSAGE_PREFIX = "gateway: "  # what `cli.main` puts before a configuration's fault
YOUNG_SECONDS = 10.0
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 30.0


@dataclass(slots=True)
class _Kept:
    """A child that is to run; `start_at` is set while it does not."""

    child: Child
    started_at: float
    starts: int = 1
    died_young: int = 0
    start_at: float | None = None


class Supervisor:
    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    def start(self, program: Program) -> None:
        self.adopt(Child(program))

    def adopt(self, child: Child) -> None:
        """Keep a child that was started already."""
        self._kept[child.program.name] = _Kept(child, self._clock())

    def look(self) -> None:
        """Note who died, and start again whose time has come. Raises `ConfigurationError`."""
        for kept in self._kept.values():
            if kept.start_at is None:
                self._note_death(kept)
            elif self._clock() >= kept.start_at:
                kept.child, kept.started_at = Child(kept.child.program), self._clock()
                kept.starts += 1
                kept.start_at = None

    def restart(self, names: Sequence[str], grace_seconds: float) -> None:
        """Stop these and start them anew, because what they run has changed."""
        self._stop([self._kept[name].child for name in names], grace_seconds)
        for name in names:
            self._kept[name] = _Kept(Child(self._kept[name].child.program), self._clock(), starts=2)

    def signal(self, names: Sequence[str], number: Signals) -> None:
        for name in names:
            self._kept[name].child.signal(number)

    def stop(self, names: Sequence[str], grace_seconds: float, hurry: Callable[[], bool] = lambda: False) -> None:
        """Stop these together, and no longer keep them."""
        self._stop([self._kept.pop(name).child for name in names if name in self._kept], grace_seconds, hurry)

    def _stop(self, children: Sequence[Child], grace_seconds: float, hurry: Callable[[], bool] = lambda: False) -> None:
        for child in stop(children, grace_seconds, hurry):
            why = "at your second word" if hurry() else f"as it had not stopped within {grace_seconds:g} s"
            self._say(f"{child.program.name} (process {child.pid}) was killed, {why}")

    def _note_death(self, kept: _Kept) -> None:
        code = kept.child.exit_code()
        if code is None:
            return
        if code == CONFIGURATION_EXIT and kept.starts == 1:
            raise ConfigurationError(_message(kept.child))
        young = self._clock() - kept.started_at < YOUNG_SECONDS
        kept.died_young = kept.died_young + 1 if young else 0
        wait = min(FIRST_WAIT_SECONDS * 2.0 ** min(max(kept.died_young - 1, 0), 20), LONGEST_WAIT_SECONDS)
        kept.start_at = self._clock() + wait
        said = "".join(f"\n    {line[:300]}" for line in kept.child.last_lines())
        name, pid = kept.child.program.name, kept.child.pid
        self._say(f"{name} (process {pid}) {_ending(code)}; starting it again in {wait:.1f} s. Its log ends:{said}")


def _ending(code: int) -> str:
    return f"ended by signal {-code}" if code < 0 else f"ended with code {code}"


def _message(child: Child) -> str:
    """What the child said of its configuration: from the last line with the prefix on."""
    lines = child.last_lines(40)
    starts = [number for number, line in enumerate(lines) if line.startswith(MESSAGE_PREFIX)]
    said = "\n".join(lines[starts[-1] :]) if starts else f"{child.program.name} is configured wrongly; see its log"
    return said.removeprefix(MESSAGE_PREFIX)
