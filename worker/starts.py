"""Starts in batches, those of each vendor apart: a slow vendor's hundred must not stand before another's one."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from domain.infra.batching import Batcher
from domain.infra.queue import Lease
from worker.starting import Started, Starter
from worker.verdicts import Verdict

LARGEST_BATCH = 200


class Starts:
    """A batcher for each vendor, opened when it is first needed."""

    def __init__(self, starter: Starter, stack: AsyncExitStack) -> None:
        self._starter = starter
        self._stack = stack
        self._batchers: dict[str, Batcher[Lease, Started | Verdict]] = {}

    async def submit(self, lease: Lease) -> Started | Verdict:
        """The job to call for, or what to do with the lease instead."""
        if lease.vendor not in self._batchers:
            batcher = self._batchers[lease.vendor] = Batcher(self._starter.start, largest=LARGEST_BATCH)
            await self._stack.enter_async_context(batcher)
        return await self._batchers[lease.vendor].submit(lease)


@asynccontextmanager
async def open_starts(starter: Starter) -> AsyncIterator[Starts]:
    async with AsyncExitStack() as stack:
        yield Starts(starter, stack)
