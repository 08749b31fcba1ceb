"""
Configurations from both stores: MongoDB has every version, Redis the newest, and from there it is read.

A change is stored first and copied afterwards. What a crash in between, an outage or a flush keeps from Redis is found
when a copy that was not compared for `CHECK_SECONDS` is: by who reads it next, once for the fleet. Nobody is given an
older version than this process has given before, or than the reader says that it has; rather MongoDB is asked.

Without Redis everything is read from MongoDB. Without MongoDB copies are good, however old, and nothing is changed.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import structlog

from domain.configurations import Configuration, Version
from domain.errors import Unavailable
from domain.infra.background import end, in_background, pauses
from domain.infra.batching import Batcher
from domain.infra.changes import Changes, listen
from domain.infra.configuration_mirror import CHANGES, CHECK_SECONDS, ConfigurationMirror, Copy
from domain.infra.configuration_rows import ConfigurationRows
from domain.infra.mongo import Database
from domain.infra.redis import REDIS_FAULTS, RedisClient

LARGEST_READ = 100  # services in one round trip
READ_AGAIN_SECONDS = 5.0  # the net under a lost notice
REDIS_PATIENCE_SECONDS = 1.0  # then MongoDB is asked
CHECK_PATIENCE_SECONDS = 0.5  # for MongoDB, where there is a copy that would do

log = structlog.get_logger()


@dataclass
class StoredConfigurations:
    """A `Configurations`."""

    rows: ConfigurationRows
    mirror: ConfigurationMirror
    looks: Batcher[str, Copy]  # at Redis
    reads: Batcher[str, Configuration | None]  # of MongoDB
    changes: Changes
    seconds: Callable[[], float] = time.monotonic
    _given: dict[str, int] = field(default_factory=dict, init=False)  # the number of what was given last
    _unchecked_until: float = field(default=0.0, init=False)  # MongoDB was away: let copies do for a while
    _owed: dict[str, Configuration] = field(default_factory=dict, init=False)  # to Redis, which was away
    _paying: asyncio.Task[None] | None = field(default=None, init=False)

    async def find(self, service: str, least: int = 0) -> Configuration | None:
        copy = await self._look(service)
        least = max(least, self._given.get(service, 0))
        if copy is not None and copy.serves(least) and (copy.fresh or self.seconds() < self._unchecked_until):
            self._give(service, copy.number)
            return copy.configuration
        return await self._check(service, copy, least)

    async def find_stored(self, service: str) -> Configuration | None:
        return await self.reads.submit(service)

    async def find_version(self, service: str, number: int) -> Configuration | None:
        return await self.rows.find(service, number)

    async def list(self, service: str, limit: int, before: int | None = None) -> Sequence[Version]:
        return await self.rows.list(service, limit, before)

    async def add(self, configuration: Configuration) -> bool:
        if not await self.rows.add(configuration):
            return False
        service = configuration.about.service
        self._give(service, configuration.number)
        if not await _told(self.mirror.keep(service, configuration)):
            self._owe(service, configuration)
        return True

    async def wait_for_change(self, service: str, known: int, seconds: float) -> Configuration | None:
        ends = self.seconds() + seconds
        with self.changes.watch(service) as changed:  # first listen, then look: nothing falls in between
            while True:
                changed.clear()
                found = await self.find(service, known)
                left = ends - self.seconds()
                if (found.number if found else 0) != known or left <= 0 or self.changes.stopped:
                    return found
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), min(left, READ_AGAIN_SECONDS))

    async def close(self) -> None:
        if self._paying is not None:
            await end(self._paying)

    async def _look(self, service: str) -> Copy | None:
        """None: Redis is away."""
        try:
            return await self.looks.submit(service)
        except REDIS_FAULTS:
            return None

    async def _check(self, service: str, copy: Copy | None, least: int) -> Configuration | None:
        """What MongoDB has, copied to Redis; the copy where MongoDB is away. Raises `Unavailable` where neither is."""
        would_do = copy is not None and copy.serves(least)
        try:
            async with asyncio.timeout(CHECK_PATIENCE_SECONDS if would_do else None):
                stored = await self.reads.submit(service)
        except (Unavailable, TimeoutError):
            if copy is None or not would_do:
                raise
            self._unchecked_until = self.seconds() + CHECK_SECONDS
            return copy.configuration
        self._given[service] = 0 if stored is None else stored.number  # MongoDB's word counts, after a restore too
        if copy is not None and (stored is not None or copy.configuration is not None):
            await _told(self.mirror.keep(service, stored, copy.number))
        return stored

    def _give(self, service: str, number: int) -> None:
        self._given[service] = max(number, self._given.get(service, 0))

    def _owe(self, service: str, configuration: Configuration) -> None:
        log.warning("a configuration is stored, and Redis is away: it is told later", service=service)
        self._owed[service] = configuration
        if self._paying is None or self._paying.done():
            self._paying = asyncio.create_task(self._pay())

    async def _pay(self) -> None:
        wait = pauses()
        while self._owed:
            service, configuration = next(iter(self._owed.items()))
            if not await _told(self.mirror.keep(service, configuration)):
                await asyncio.sleep(next(wait))
            elif self._owed[service] is configuration:
                del self._owed[service]


@asynccontextmanager
async def open_configurations(
    database: Database, redis: RedisClient, *, stopping: asyncio.Event | None = None
) -> AsyncIterator[StoredConfigurations]:
    """Those of one process, with its one subscription. Once `stopping` is set nobody is kept waiting."""
    rows, mirror, changes = ConfigurationRows(database), ConfigurationMirror(redis), Changes()

    async def look(services: Sequence[str]) -> Sequence[Copy]:
        async with asyncio.timeout(REDIS_PATIENCE_SECONDS):
            return await mirror.look(services)

    async with (
        Batcher(look, largest=LARGEST_READ) as looks,
        Batcher(rows.newest, largest=LARGEST_READ) as reads,
        in_background(listen(redis, CHANGES, changes.tell)),
        in_background(changes.stop_with(stopping or asyncio.Event())),
    ):
        configurations = StoredConfigurations(rows, mirror, looks, reads, changes)
        try:
            yield configurations
        finally:
            await configurations.close()


async def _told(word: Awaitable[None]) -> bool:
    """Whether Redis heard it."""
    try:
        async with asyncio.timeout(REDIS_PATIENCE_SECONDS):
            await word
    except REDIS_FAULTS:
        return False
    return True
