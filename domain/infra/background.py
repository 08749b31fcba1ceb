"""Tasks in the background, and how to end them for certain."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager

import structlog

PATIENCE_SECONDS = 1.0

log = structlog.get_logger()


def pauses() -> Iterator[float]:
    """Seconds to wait between tries at a store that is away: 0.05, doubling, at most 1."""
    yield from (0.05 * 2**tries for tries in range(5))
    yield from itertools.repeat(1.0)


@asynccontextmanager
async def in_background(work: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Run `work` beside the block, and end it with the block."""
    task = asyncio.create_task(work)
    task.add_done_callback(_report)
    try:
        yield
    finally:
        await end(task)


async def end(task: asyncio.Task[object]) -> None:
    """Cancel a task until it is over: a client library may swallow one cancellation in the midst of a timeout."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=PATIENCE_SECONDS)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (fault := task.exception()) is not None:
        log.error("a background task broke", exc_info=fault)
