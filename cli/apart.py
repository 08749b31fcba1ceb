"""
The processes that run suspects apart: children of a worker, started by it as commands of their own.

A child hears of its parent's end by the pipe at its standard input, which closes whatever the parent dies of.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from cli.settings import Settings
from worker.apart import ApartProcess

LOOK_SECONDS = 0.1
COMMAND = (sys.executable, "-P", "-m", "cli.main", "worker", "--apart")


class ApartCommand:
    """An `ApartStarter`: the command, with its parent's settings in the environment."""

    def __init__(self, command: Sequence[str], settings: Settings) -> None:
        self._command = command
        self._environment: Mapping[str, str] = {**os.environ, **settings.as_environment()}

    async def start(self) -> ApartProcess:
        # Not asyncio's own: that one kills the child when the loop is closed, and with it the call that it drains.
        process = subprocess.Popen(self._command, stdin=subprocess.PIPE, env=self._environment)  # noqa: ASYNC220 - short
        return _Child(process)


class _Child:
    """An `ApartProcess`. In its parent's process group: what ends the group for good ends it too."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()

    async def ended(self) -> int:
        while (code := self._process.poll()) is None:  # noqa: ASYNC110 - a wait in a thread could not be given up
            await asyncio.sleep(LOOK_SECONDS)
        return code


@asynccontextmanager
async def orphaned(stop: Callable[[], object]) -> AsyncIterator[None]:
    """Call `stop`, in the loop, when the parent is gone."""
    loop, pipe = asyncio.get_running_loop(), sys.stdin.fileno()

    def look() -> None:
        if not os.read(pipe, 1):
            loop.remove_reader(pipe)
            stop()

    loop.add_reader(pipe, look)
    try:
        yield
    finally:
        loop.remove_reader(pipe)
