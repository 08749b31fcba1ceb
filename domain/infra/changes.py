"""
Who waits for a job, or for a configuration, hears of its change: one subscription a process, however many wait.

A notice is a hint, no promise (Redis forgets it when nobody listens), so those who wait
register first, then read the store, and read again every few seconds as a net.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from domain.infra.background import pauses
from domain.infra.redis import REDIS_FAULTS, RedisClient

log = structlog.get_logger()


class Changes:
    """The waiters of one process, by the name of what may change: a job's id, a service's name."""

    def __init__(self) -> None:
        self._waiters: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self.stopped = False

    @contextmanager
    def watch(self, name: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever it may have changed."""
        event = asyncio.Event()
        self._waiters[name].add(event)
        try:
            yield event
        finally:
            self._waiters[name].discard(event)
            if not self._waiters[name]:
                del self._waiters[name]

    async def stop_with(self, stopping: asyncio.Event) -> None:
        """Let everybody go when the process is told to stop: who waits would hold it up."""
        await stopping.wait()
        self.stopped = True
        for waiting in self._waiters.values():
            for event in waiting:
                event.set()

    def tell(self, message: str) -> None:
        """Wake those who wait for any of the comma-separated names."""
        for name in message.split(","):
            for event in self._waiters.get(name, ()):
                event.set()


async def listen(redis: RedisClient, channel: str, hear: Callable[[str], None]) -> None:
    """Hand every message of `channel` to `hear`, for ever; an outage is waited out. Tells "" once (re)connected."""
    wait = pauses()
    while True:
        try:
            async with redis.pubsub(ignore_subscribe_messages=True) as subscription:
                await subscription.subscribe(channel)
                hear("")  # what was said while nobody listened is lost: look once
                wait = pauses()
                while True:
                    message = await subscription.get_message(timeout=10.0)
                    if message is not None:
                        hear(message["data"].decode())
                    else:
                        await subscription.ping()  # a dead connection is noticed here
        except REDIS_FAULTS as fault:
            log.warning("subscription lost", channel=channel, fault=str(fault))
            await asyncio.sleep(next(wait))
