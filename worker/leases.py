"""The leases that one worker holds: prolonged every third of their length, and given back in batches."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog

from domain.infra.background import in_background, pauses
from domain.infra.batching import Batcher
from domain.infra.queue import Lease, Queue, Return
from domain.infra.redis import REDIS_FAULTS

LARGEST_BATCH = 500

log = structlog.get_logger()


class LeaseKeeper:
    """Renews what is held and cancels the work on what was lost."""

    def __init__(self, queue: Queue, *, lease: timedelta) -> None:
        self._queue = queue
        self._in_turn = asyncio.Lock()  # a renewal that overtook a return would bring the lease back to life
        self._pause = lease.total_seconds() / 3
        self._held: dict[str, tuple[Lease, asyncio.Task[None]]] = {}
        self._lost: set[Lease] = set()

    def hold(self, lease: Lease, task: asyncio.Task[None]) -> None:
        """Keep a lease alive. An earlier run of the same job here is given up: never two calls for one job at once."""
        earlier = self._held.get(lease.request_id)
        self._held[lease.request_id] = (lease, task)
        if earlier is not None:
            self._give_up(*earlier)

    def lost(self, lease: Lease) -> bool:
        """Whether the work on this lease was cancelled because another has it."""
        return lease in self._lost

    def drop(self, lease: Lease) -> None:
        held, _ = self._held.get(lease.request_id, (None, None))
        if held == lease:  # else a later claim of the same job stands there
            del self._held[lease.request_id]
        self._lost.discard(lease)

    def _give_up(self, lease: Lease, task: asyncio.Task[None]) -> None:
        log.warning("lease lost; its call is cancelled", request_id=lease.request_id, vendor=lease.vendor)
        self._lost.add(lease)
        task.cancel()

    async def give_back(self, returns: Sequence[Return]) -> Sequence[None]:
        """Return leases, through an outage of Redis too: without that, each of these jobs would run twice."""
        for back in returns:
            self.drop(back.lease)
        wait = pauses()
        while True:
            try:
                async with self._in_turn:
                    await self._queue.give_back(returns)
                return [None] * len(returns)
            except REDIS_FAULTS as fault:
                log.warning("finished jobs wait for redis", jobs=len(returns), fault=str(fault))
                await asyncio.sleep(next(wait))

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
        async with self._in_turn:
            held = dict(self._held)
            lost = await self._queue.renew([lease for lease, _ in held.values()])  # of none, too: the fleet's pulse
        for request_id in lost:
            if self._held.get(request_id) == held[request_id]:
                self._give_up(*held[request_id])


@dataclass(frozen=True, slots=True)
class Leases:
    """The keeper, and its `give_back` in batches."""

    keeper: LeaseKeeper
    returns: Batcher[Return, None]


@asynccontextmanager
async def open_leases(queue: Queue, *, lease: timedelta) -> AsyncIterator[Leases]:
    keeper = LeaseKeeper(queue, lease=lease)
    async with Batcher(keeper.give_back, largest=LARGEST_BATCH) as returns, in_background(keeper.run()):
        yield Leases(keeper, returns)
