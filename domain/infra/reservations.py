"""
Our reservations as a strategy of the `limits` library: `test`, `hit`, `get_window_stats` and `clear` for a vendor.

They read and write the permits that the claim grants from, so what is hit here is missing there. The one
identifier is the vendor's name. While no worker has restored what Redis forgot of a vendor, nothing is granted.
"""

import uuid
from datetime import timedelta

from limits import RateLimitItem, WindowStats
from limits.aio.storage import Storage
from limits.aio.strategies import RateLimiter
from redis.exceptions import RedisError

from domain.infra.limits import CallLimits, Window
from domain.infra.redis import RedisClient
from domain.infra.scripts import load_script
from domain.infra.vendor_keys import grants_key, limiter_key

GUARD = timedelta(milliseconds=25)  # a vendor's `burst_guard` unless its table says otherwise


class PermitStorage(Storage):
    """The `limits` storage of all vendors' permits; a key is a vendor's name. Permits are counted by their start."""

    STORAGE_SCHEME = None  # opened by hand, never by a URL

    def __init__(self, redis: RedisClient) -> None:
        super().__init__()
        self.hit = load_script(redis, "hit", "clock", "permits")
        self._redis = redis

    @property
    def base_exceptions(self) -> type[Exception]:
        return RedisError

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        raise NotImplementedError("a permit has a start: take it with VendorReservations.hit")

    async def get(self, key: str) -> int:
        """How many permits are on record, those of windows that have passed included."""
        return int(await self._redis.zcard(grants_key(key)))

    async def get_expiry(self, key: str) -> float:
        """When the newest permit starts, in seconds since the epoch."""
        newest = await self._redis.zrange(grants_key(key), -1, -1, withscores=True)
        return newest[0][1] / 1_000_000 if newest else 0.0

    async def check(self) -> bool:
        return bool(await self._redis.ping())

    async def clear(self, key: str) -> None:
        await self._redis.delete(grants_key(key))

    async def reset(self) -> int | None:
        """Forget all vendors' permits; answers of how many vendors."""
        found = [key async for key in self._redis.scan_iter(match=grants_key("*"))]
        return int(await self._redis.delete(*found)) if found else 0


class VendorReservations(RateLimiter):
    """A sliding window on Redis' own clock, shared with the workers; of a denied hit nothing is counted."""

    def __init__(self, storage: PermitStorage, *, guard: timedelta = GUARD) -> None:
        super().__init__(storage)
        self._permits = storage
        self._guard_micros = round(guard.total_seconds() * 1_000_000)

    async def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        granted, _, _ = await self._ask(item, identifiers, cost, take=True)
        return bool(granted)

    async def test(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        granted, _, _ = await self._ask(item, identifiers, cost, take=False)
        return bool(granted)

    async def get_window_stats(self, item: RateLimitItem, *identifiers: str) -> WindowStats:
        _, used, leaves = await self._ask(item, identifiers, 1, take=False)
        return WindowStats(leaves / 1_000_000, max(item.amount - used, 0))

    async def clear(self, item: RateLimitItem, *identifiers: str) -> None:  # noqa: ARG002 - the library's signature
        """Forget the vendor's permits: of every window, since they share them."""
        (vendor,) = identifiers
        await self._permits.clear(vendor)

    async def _ask(
        self, item: RateLimitItem, identifiers: tuple[str, ...], cost: int, *, take: bool
    ) -> tuple[int, int, int]:
        (vendor,) = identifiers
        limits = CallLimits((Window.of(item),), cost, self._guard_micros)
        if cost > item.amount:
            return 0, 0, 0
        args: list[str | int] = [int(take), f"hit:{uuid.uuid4().hex}", *limits.args]
        granted, used, leaves = await self._permits.hit(keys=[limiter_key(vendor), grants_key(vendor)], args=args)
        return granted, used, leaves
