"""
What Redis is told and asked of a job that a client changed.

Told behind the answer's back, in the order of the changes; what Redis does not hear, the sweep mends.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress

from domain.errors import Unavailable
from domain.infra.background import end
from domain.infra.queue import Queue
from domain.infra.redis import REDIS_FAULTS, RedisClient
from domain.jobs import Job
from domain.ports import Queued

LOOK_AGAIN_SECONDS = 1.0
PATIENCE_SECONDS = 1.0  # of a client that waits for an answer; Redis' own connection has more
BACKLOG = 10_000  # what waits to be told while Redis is away; the sweep finds what is dropped beyond


class QueueNotices:
    """Those of one process."""

    def __init__(self, redis: RedisClient, queue: Queue) -> None:
        self._redis = redis
        self._queue = queue
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_order = asyncio.Lock()  # a job's cancel must not be told after its retry

    async def holds_lease(self, job: Job) -> bool:
        """Whether a worker holds the job. Raises `Unavailable`."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return bool(await self._redis.exists(f"arq:in-progress:{job.id}"))
        except REDIS_FAULTS:
            raise Unavailable("nobody can say just now whether the job's call is still under way; try again") from None

    def forget(self, job: Job) -> None:
        self._start(self._forget(Queued.of(job)))

    def queue(self, jobs: Sequence[Job]) -> None:
        if jobs:
            self._start(self._queue_again([Queued.of(job) for job in jobs]))

    async def close(self) -> None:
        """Give what is under way a moment; the sweep does what is cut off."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LOOK_AGAIN_SECONDS)
        for task in tuple(self._tasks):
            await end(task)

    async def _forget(self, job: Queued) -> None:
        async with self._in_order:
            await self._queue.tell([str(job.request_id)])
            await self._queue.forget([job])

    async def _queue_again(self, jobs: Sequence[Queued]) -> None:
        async with self._in_order:
            await self._queue.forget(jobs)  # an entry that was left behind may come due later than now
            added = await self._queue.enqueue(jobs)
            await self._queue.tell([str(job.request_id) for job in jobs])
        if added < len(jobs):  # an earlier lease that is about to be given back takes the new entry along
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            await self._queue.enqueue(jobs)

    def _start(self, work: Coroutine[object, object, None]) -> None:
        if len(self._tasks) >= BACKLOG:
            work.close()
            return
        task = asyncio.create_task(_patiently(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _patiently(work: Coroutine[object, object, None]) -> None:
    with suppress(*REDIS_FAULTS):
        await work
