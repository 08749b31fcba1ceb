"""
What the vendors' limits are now, and how Redis gets back what it forgot of them.

A vendor's policy may change while the worker runs; it is read again for every claim.
"""

from collections.abc import Mapping

import structlog

from domain.errors import ConfigurationError
from domain.infra.limiter import Limiter
from domain.infra.limiter_seeds import LimiterSeeds
from domain.infra.limits import UNLIMITED, CallLimits
from domain.vendors import Vendor, VendorPolicy
from worker.clock import FleetClock

log = structlog.get_logger()


class FleetLimits:
    """Raises `ConfigurationError` for a vendor whose limit no call could ever keep to."""

    def __init__(self, vendors: Mapping[str, Vendor], limiter: Limiter, seeds: LimiterSeeds, clock: FleetClock) -> None:
        self._vendors = vendors
        self._limiter = limiter
        self._seeds = seeds
        self._clock = clock
        self._known = {name: (vendor.policy, CallLimits.of(name, vendor.policy)) for name, vendor in vendors.items()}

    def of(self, vendor: str) -> CallLimits | None:
        """None for a queue that is no vendor's, or a vendor's that has left the tables."""
        found = self._vendors.get(vendor)
        if found is None:
            return None
        policy, limits = self._known.get(vendor, (None, UNLIMITED))
        return limits if found.policy == policy else self._read(vendor, found.policy, limits)

    async def restore(self, vendor: str, notice: str) -> None:
        """Answer a claim's notice. Raises `Unavailable`, or Redis' own faults; the next claim asks again."""
        limits = self.of(vendor)
        if limits is not None:
            policy, _ = self._known[vendor]
            known = await self._seeds.read(vendor, policy, limits, self._clock.now())
            if await self._limiter.restore(vendor, limits, notice, known) and (known.starts or known.paused):
                log.info("restored what redis forgot", vendor=vendor, starts=len(known.starts), paused=known.paused)

    def _read(self, vendor: str, policy: VendorPolicy, former: CallLimits) -> CallLimits:
        try:
            limits = CallLimits.of(vendor, policy)
        except ConfigurationError as fault:
            log.warning("a vendor's new limit is not taken, the old one stays", fault=fault.detail)
            limits = former
        self._known[vendor] = policy, limits
        return limits
