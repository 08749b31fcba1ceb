"""
Moving windows over the whole fleet, by Redis' own clock: of several, one unit of each is taken, or none of any.

While Redis is away each process counts for itself, on from what it let through before, in windows that begin with
their first unit.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog

from domain.infra.failure_limit import MOST_COUNTED, BoundedCounts, Clock
from domain.infra.limits import Window
from domain.infra.redis import REDIS_FAULTS, RedisClient
from domain.infra.scripts import load_script
from domain.quotas import Standing, Verdict

PATIENCE_SECONDS = 0.5  # a request waits no longer to be counted
SILENCE_SECONDS = 1.0  # and when Redis was away, those of this time do not wait at all

T = TypeVar("T")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Count:
    """One subject's window."""

    subject: str
    window: Window

    @property
    def key(self) -> str:
        """Another limit of the same subject is another count."""
        return f"{self.subject}:{self.window.amount}/{self.seconds}"

    @property
    def seconds(self) -> int:
        return self.window.micros // 1_000_000


class MovingWindows:
    """Never raises. `name` keeps these subjects apart from other limits'."""

    def __init__(
        self,
        redis: RedisClient,
        name: str,
        *,
        clock: Clock = time.monotonic,
        most: int = MOST_COUNTED,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._redis = redis
        self._prefix = f"gateway:limits:{name}:"
        self._take = load_script(redis, "windows", "clock")
        self._own = _OwnWindows(clock, most)
        self._clock = clock
        self._patience_seconds = patience_seconds
        self._silent_until = float("-inf")

    async def take(self, *counts: Count) -> Verdict:
        keys = [self._prefix + count.key for count in counts]
        args = [number for count in counts for number in (count.window.amount, count.window.micros)]
        reply = await self._ask(lambda: self._take(keys=keys, args=args))
        if reply is None:
            return self._own.take(counts)
        verdict = _read(reply, counts)
        if not verdict.wait_seconds:
            self._own.note(counts)
        return verdict

    async def give_back(self, *counts: Count, forgotten: Sequence[Count] = ()) -> None:
        """Take back the newest unit of each, and everything of those to be forgotten."""
        self._own.give_back(counts, forgotten)

        async def tell() -> list[object]:
            async with self._redis.pipeline(transaction=True) as pipe:
                for count in forgotten:
                    pipe.delete(self._prefix + count.key)
                for count in counts:
                    pipe.lpop(self._prefix + count.key)
                told: list[object] = await pipe.execute()
                return told

        await self._ask(tell)

    async def _ask(self, question: Callable[[], Awaitable[T]]) -> T | None:
        """What Redis says; None while it is away."""
        if self._clock() < self._silent_until:
            return None
        try:
            async with asyncio.timeout(self._patience_seconds):
                return await question()
        except REDIS_FAULTS as fault:
            self._silent_until = self._clock() + SILENCE_SECONDS
            log.warning("redis is away; this process keeps its limits for itself", fault=repr(fault))
            return None


class _OwnWindows:
    """The same in the memory of this process."""

    def __init__(self, clock: Clock, most: int) -> None:
        self._clock = clock
        self._counts = BoundedCounts(clock, most)

    def take(self, counts: Sequence[Count]) -> Verdict:
        full = [count for count in counts if self._counts.get(count.key) >= count.window.amount]
        if not full:
            self.note(counts)
        return Verdict(max((self._ends_in(count) for count in full), default=0.0), tuple(map(self._standing, counts)))

    def note(self, counts: Sequence[Count]) -> None:
        for count in counts:
            self._counts.incr(count.key, count.seconds)

    def give_back(self, counts: Sequence[Count], forgotten: Sequence[Count]) -> None:
        for count in forgotten:
            self._counts.clear(count.key)
        for count in counts:
            if self._counts.get(count.key) > 0:
                self._counts.incr(count.key, count.seconds, -1)

    def _standing(self, count: Count) -> Standing:
        left = max(0, count.window.amount - self._counts.get(count.key))
        return Standing(count.window.amount, count.seconds, left, self._ends_in(count))

    def _ends_in(self, count: Count) -> float:
        return max(0.0, self._counts.get_expiry(count.key) - self._clock())


def _read(reply: Sequence[int], counts: Sequence[Count]) -> Verdict:
    free_at, now, *flat = reply
    standings = tuple(
        Standing(count.window.amount, count.seconds, left, max(0, leaves_at - now) / 1e6)
        for count, left, leaves_at in zip(counts, flat[::2], flat[1::2], strict=True)
    )
    return Verdict((free_at - now) / 1e6 if free_at else 0.0, standings)
