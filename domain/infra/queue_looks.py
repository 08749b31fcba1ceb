"""What Redis can tell of the queue without changing it, each in one script: how a vendor stands, who is before whom."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from domain.breakers import BreakerLook
from domain.infra.limits import CallLimits
from domain.infra.queue_keys import CLASSES, class_of, ring_key
from domain.infra.redis import RedisClient
from domain.infra.scripts import load_script
from domain.infra.vendor_keys import breaker_key, closed_key, grants_key, key_of_breaker, paused_key, running_key
from domain.infra.vendor_looks import VendorLook, breaker_look
from domain.ports import Queued
from domain.vendors import VendorPolicy


class QueueLooks:
    """Looks at all queues on one Redis."""

    def __init__(self, redis: RedisClient, *, lease: timedelta) -> None:
        self._redis = redis
        self._lease_ms = round(lease.total_seconds() * 1000)
        self._look = load_script(redis, "look", "clock", "permits", "lanes", "circuit")
        self._openings = load_script(redis, "openings", "clock", "circuit")
        self._rank = load_script(redis, "rank", "clock", "lanes")
        self._backlog = load_script(redis, "backlog", "clock", "lanes")

    async def vendor(self, vendor: str, policy: VendorPolicy) -> VendorLook:
        """How a vendor stands at this moment."""
        keys, args = self._of(vendor, policy)
        return VendorLook.of(await self._look(keys=keys, args=args), CLASSES)

    async def vendors(self, policies: Mapping[str, VendorPolicy]) -> dict[str, VendorLook]:
        """The same of many, in one round trip; those of one cost less alone."""
        if len(policies) == 1:
            [(name, policy)] = policies.items()
            return {name: await self.vendor(name, policy)}
        async with self._redis.pipeline(transaction=False) as pipeline:
            for vendor, policy in policies.items():
                keys, args = self._of(vendor, policy)
                await self._look(keys=keys, args=args, client=pipeline)
            replies = await pipeline.execute()
        return {vendor: VendorLook.of(reply, CLASSES) for vendor, reply in zip(policies, replies, strict=True)}

    async def breakers(self, names: Sequence[str]) -> list[BreakerLook]:
        """How circuit breakers stand, by what they are called."""
        now, *flat = await self._openings(keys=[key_of_breaker(name) for name in names])
        return [breaker_look(now, opened, row) for opened, row in zip(flat[::2], flat[1::2], strict=True)]

    def _of(self, vendor: str, policy: VendorPolicy) -> tuple[list[str], list[str | int]]:
        keys = [closed_key(vendor), paused_key(vendor), grants_key(vendor), running_key(vendor), breaker_key(vendor)]
        return [*keys, *_rings(vendor)], [self._lease_ms, *CallLimits.of(vendor, policy).args]

    async def ranks(self, jobs: Sequence[Queued]) -> list[int | None]:
        """How many due jobs of its vendor go before each queued job; None where it is running or not queued."""
        vendors = sorted({job.vendor for job in jobs})
        keys = [ring for vendor in vendors for ring in _rings(vendor)]  # high before low, roughly
        number = {key: index for index, key in enumerate(keys, start=1)}
        args: list[str | int] = [len(CLASSES)]
        for job in jobs:
            args += (number[ring_key(job.vendor, class_of(job))], str(job.request_id), job.client)
        return [None if rank < 0 else rank for rank in await self._rank(keys=keys, args=args)]

    async def backlogs(self, vendors: Sequence[str], clients: Sequence[str]) -> tuple[list[int], list[int]]:
        """How many jobs wait for each of these vendors, and of each of these clients for any; those that run count."""
        keys = [ring for vendor in vendors for ring in _rings(vendor)]
        counts = await self._backlog(keys=keys, args=list(clients))
        each = len(CLASSES)
        return [sum(counts[i : i + each]) for i in range(0, len(keys), each)], counts[len(keys) :]


def _rings(vendor: str) -> list[str]:
    return [ring_key(vendor, place) for place in CLASSES]
