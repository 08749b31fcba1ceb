"""The live line of `gateway up`: jobs that end in a second, and how many are queued."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Protocol

from cli.terminal import Terminal
from domain.infra.stats import Load

SETTLE = timedelta(seconds=0.5)  # an end is stamped before it is written: look a moment behind
PLAIN_SECONDS = 10.0  # between lines in a log file
LIVE_SECONDS = 1.0


class LoadSource(Protocol):
    async def read(self, since: datetime, until: datetime) -> Load:
        """How many jobs ended in that span, and how many are queued now."""
        ...


class LiveLine:
    def __init__(self, terminal: Terminal, source: LoadSource) -> None:
        self._terminal = terminal
        self._source = source
        self._since = datetime.now(UTC) - SETTLE - timedelta(seconds=1)
        self._shown = ""

    async def keep_showing(self) -> None:
        while True:
            await self.refresh()
            await asyncio.sleep(LIVE_SECONDS if self._terminal.interactive else PLAIN_SECONDS)

    async def refresh(self) -> None:
        """Show how it stands; in a log file only when it has changed."""
        text = await self._read()
        if self._terminal.interactive or text != self._shown:
            self._terminal.show_live(text)
            self._shown = text

    async def _read(self) -> str:
        until = datetime.now(UTC) - SETTLE
        try:
            load = await self._source.read(self._since, until)
        except Exception as fault:  # noqa: BLE001 - a server is away: the line says so, and the gateway goes on
            return f"jobs/s unknown, queue depth unknown ({type(fault).__name__})"
        seconds = (until - self._since).total_seconds()
        self._since = until
        return f"{load.ended / seconds:.1f} jobs/s, queue depth {load.queued}"
