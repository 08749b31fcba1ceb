"""Listening to a discovery, and telling it when its pauses are over."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from domain.balancing.instances import Instance
from domain.balancing.ports import Discovery


class Naps:
    """Pauses that a test sees begin, and ends: by then, what was asked for has been answered and heard."""

    def __init__(self) -> None:
        self._begun = asyncio.Queue[float]()
        self._over = asyncio.Queue[None]()

    async def __call__(self, seconds: float) -> None:
        self._begun.put_nowait(seconds)
        await self._over.get()

    async def begun(self) -> float:
        """How long the next pause is meant to be."""
        async with asyncio.timeout(30):
            return await self._begun.get()

    async def once_more(self) -> float:
        """End this pause; the next one."""
        self._over.put_nowait(None)
        return await self.begun()

    def end(self) -> None:
        self._over.put_nowait(None)


@asynccontextmanager
async def heard(discovery: Discovery) -> AsyncIterator[list[Sequence[Instance]]]:
    """What it has said so far."""
    lists: list[Sequence[Instance]] = []

    async def listen() -> None:
        async for instances in discovery.watch():
            lists.append(instances)  # noqa: PERF401 - a test looks at it meanwhile

    listening = asyncio.create_task(listen())
    try:
        yield lists
    finally:
        listening.cancel()
        [ended] = await asyncio.gather(listening, return_exceptions=True)
        assert isinstance(ended, asyncio.CancelledError), ended
