"""The leases that one worker holds: prolonged every third of their length, and given back in batches."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog

from domain.infra.batching import Batcher
from domain.infra.queue import Lease, Queue, Return
from domain.infra.redis import REDIS_FAULTS

LARGEST_BATCH = 500

log = structlog.get_logger()


class LeaseKeeper:
    """Renews what is held and cancels the work on what was lost."""

    def __init__(self, queue: Queue, returns: Batcher[Return, None], *, lease: timedelta) -> None:
        self._queue = queue
        self._returns = returns
        self._pause = lease.total_seconds() / 3
        self._held: dict[str, tuple[Lease, asyncio.Task[None]]] = {}
        self._lost: set[str] = set()

    def hold(self, lease: Lease, task: asyncio.Task[None]) -> None:
        self._held[lease.request_id] = (lease, task)

    def lost(self, lease: Lease) -> bool:
        """Whether the work on this lease was cancelled because another has it."""
        return lease.request_id in self._lost

    def drop(self, lease: Lease) -> None:
        self._held.pop(lease.request_id, None)
        self._lost.discard(lease.request_id)

    async def give_back(self, back: Return) -> None:
        """Return a lease, through an outage of Redis too; it is renewed until then, so nobody runs the job again."""
        await self._returns.submit(back)

    async def run(self) -> None:
        pause = self._pause
        while True:
            await asyncio.sleep(pause)
            try:
                await self._renew()
                pause = self._pause
            except REDIS_FAULTS as fault:
                log.warning("leases could not be renewed", held=len(self._held), fault=str(fault))
                pause = 0.1  # be the first when Redis is back, before somebody claims what is ours

    async def _renew(self) -> None:
        held = [lease for lease, _ in self._held.values()]
        if not held:
            return
        for request_id in await self._queue.renew(held):
            lease, task = self._held.get(request_id, (None, None))
            if task is not None and lease is not None:
                log.warning("lease lost; its call is cancelled", request_id=request_id, vendor=lease.vendor)
                self._lost.add(request_id)
                task.cancel()


@asynccontextmanager
async def open_keeper(queue: Queue, *, lease: timedelta) -> AsyncIterator[LeaseKeeper]:
    async def give_back(returns: Sequence[Return]) -> Sequence[None]:
        delay = 0.05
        while True:
            try:
                await queue.give_back(returns)
                return [None] * len(returns)
            except REDIS_FAULTS as fault:
                log.warning("finished jobs wait for redis", jobs=len(returns), fault=str(fault))
                await asyncio.sleep(delay)
                delay = min(1.0, delay * 2)

    async with Batcher(give_back, largest=LARGEST_BATCH) as returns:
        keeper = LeaseKeeper(queue, returns, lease=lease)
        task = asyncio.create_task(keeper.run())
        try:
            yield keeper
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
