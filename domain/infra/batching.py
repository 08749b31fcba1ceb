"""
Group commit: whatever arrived while the last batch was under way makes up the next one.

There is no timer. An idle batcher works at once, so one request pays nothing for the
grouping, and a busy one does with a few round trips what would take a round trip each.
Source: DeWitt et al., "Implementation Techniques for Main Memory Database Systems", 1984, section 5.2.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Generic, Self, TypeVar

import structlog

from domain.errors import Unavailable
from domain.infra.background import end

Item = TypeVar("Item")
Answer = TypeVar("Answer")

log = structlog.get_logger()


class Batcher(Generic[Item, Answer]):
    """
    Runs `work` on batches, one batch at a time, in order of arrival.

    `work` answers an outcome for each item; an outcome that is an exception is raised to that
    item's caller alone, and an exception that `work` raises goes to every caller of the batch.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Awaitable[Sequence[Answer | Exception]]],
        *,
        largest: int,
        waiting_room: int = 10_000,
        patience_seconds: float = 10.0,
    ) -> None:
        self._work = work
        self._largest = largest
        self._waiting_room = waiting_room
        self._patience_seconds = patience_seconds
        self._queue: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._arrival = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish what was handed in, then stop; a store that stays away holds nobody up beyond the patience."""
        try:
            async with asyncio.timeout(self._patience_seconds):
                await self._idle.wait()
        except TimeoutError:
            log.warning("stopped with work left; the leases' end and the sweep mend it", left=len(self._queue))
        if self._task:
            await end(self._task)

    async def submit(self, item: Item) -> Answer:
        """The outcome for `item`. Raises `Unavailable` when too many wait already."""
        if len(self._queue) >= self._waiting_room:
            raise Unavailable("too much is waiting to be stored; come back in a second")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._queue.append((item, future))
        self._idle.clear()
        self._arrival.set()
        return await future

    async def _run(self) -> None:
        while True:
            await self._arrival.wait()
            batch = [self._queue.popleft() for _ in range(min(self._largest, len(self._queue)))]
            if not self._queue:
                self._arrival.clear()
            await self._commit([entry for entry in batch if not entry[1].done()])
            if not self._queue:
                self._idle.set()

    async def _commit(self, batch: list[tuple[Item, asyncio.Future[Answer]]]) -> None:
        if not batch:
            return
        try:
            answers = await self._work([item for item, _ in batch])
        except asyncio.CancelledError:
            for _, future in batch:
                future.cancel()
            raise
        except Exception as fault:  # noqa: BLE001 - handed on to every caller, who knows what it means
            answers = [fault] * len(batch)
        for (_, future), answer in zip(batch, answers, strict=True):
            _deliver(future, answer)


def _deliver(future: asyncio.Future[Answer], answer: Answer | Exception) -> None:
    if future.done():  # its caller has gone away
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
