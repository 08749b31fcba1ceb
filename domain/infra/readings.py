"""What many ask for at one moment is read once; whoever asks waits for a moment at most, and the reading goes on."""

import asyncio
import time
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from domain.infra.background import end

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Reading(Generic[Found]):
    """Something that is being read, or was."""

    begun: float
    task: asyncio.Task[Found]

    @property
    def age(self) -> float:
        return time.monotonic() - self.begun

    def is_over(self, kept_seconds: float) -> bool:
        """Whether it is worth another one: what is still being read, or was begun a moment ago, is not."""
        return self.task.done() and self.age > kept_seconds


class Readings:
    """Those of one owner, who closes them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()

    def begin(self, work: Coroutine[object, object, Found]) -> Reading[Found]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return Reading(time.monotonic(), task)

    async def close(self) -> None:
        for task in [*self._tasks]:
            await end(task)


async def read_within(seconds: float, readings: Iterable[Reading[Found]]) -> None:
    """Return once all are done, or the youngest was begun so long ago: who comes late waits for less."""
    left = {reading.task: max(seconds - reading.age, 0) for reading in readings if not reading.task.done()}
    if left:
        await asyncio.wait(left, timeout=max(left.values()))
