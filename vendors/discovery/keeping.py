"""
What every registry that is asked again and again has in common: the last list stays whatever happens, and is told once.

A registry that is away, answers rubbish or suddenly knows of nobody is more often ill itself than right: calls go
on to those who were there last, and who of them does not answer is found out by the calls and the checks.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from domain.balancing.instances import Instance

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0

Sleep = Callable[[float], Awaitable[None]]

log = structlog.get_logger()


class RegistryAway(Exception):
    """It did not say who there is. The text says why, for a log, and repeats nothing that it said."""


@dataclass(frozen=True, slots=True)
class Found:
    """What it says now, and how long to leave it alone."""

    instances: Sequence[Instance]
    pause_seconds: float


async def keep_asking(
    ask: Callable[[], Awaitable[Found]], service: str, sleep: Sleep = asyncio.sleep
) -> AsyncIterator[Sequence[Instance]]:
    """Each list that differs from the one before; `ask` raises `RegistryAway` and nothing else."""
    last: list[Instance] = []
    troubled = _Troubled(service)
    while True:
        try:
            found = await ask()
        except RegistryAway as away:
            await sleep(troubled.note(str(away), kept=len(last)))
            continue
        if not found.instances:
            troubled.note("it knows of no instance", kept=len(last))
            await sleep(found.pause_seconds)
            continue
        troubled.end()
        instances = _in_order(found.instances)
        if instances != last:
            last = instances
            yield tuple(instances)
        await sleep(found.pause_seconds)


def _in_order(found: Sequence[Instance]) -> list[Instance]:
    """Name servers turn their answers round. Of one address that is told of twice the best stays."""
    ranked = sorted(found, key=lambda each: (each.url, -each.priority, each.weight))
    return list({each.url: each for each in ranked}.values())


class _Troubled:
    """How long it has been away, in tries; the first is told, and that it is back."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._tries = 0

    def note(self, why: str, *, kept: int) -> float:
        """Seconds to wait before it is asked again."""
        if not self._tries:
            log.warning("instances cannot be looked up, the last ones stay", service=self._service, why=why, kept=kept)
        self._tries += 1
        return min(FIRST_PAUSE_SECONDS * 2.0 ** min(self._tries - 1, 10), LONGEST_PAUSE_SECONDS)

    def end(self) -> None:
        if self._tries:
            log.info("instances are looked up again", service=self._service, failed_before=self._tries)
        self._tries = 0
