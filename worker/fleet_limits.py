"""
What the vendors' limits are now, and how Redis gets back what it forgot of them.

A vendor's policy may change while the worker runs, by its table or by an operator's word; it is read again for every
claim.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from domain.errors import ConfigurationError
from domain.infra.limiter import Limiter
from domain.infra.limiter_seeds import LimiterSeeds
from domain.infra.limits import UNLIMITED, CallLimits
from domain.vendor_control import KnownControls, NoControls
from domain.vendors import Vendor, VendorPolicy
from worker.clock import FleetClock

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Known:
    """The limits that were made of a policy at a version of its vendor's control."""

    policy: VendorPolicy
    version: int
    limits: CallLimits


class FleetLimits:
    """Raises `ConfigurationError` for a vendor whose limit no call could ever keep to."""

    def __init__(
        self,
        vendors: Mapping[str, Vendor],
        limiter: Limiter,
        seeds: LimiterSeeds,
        clock: FleetClock,
        controls: KnownControls | None = None,
    ) -> None:
        self._vendors = vendors
        self._limiter = limiter
        self._seeds = seeds
        self._clock = clock
        self._controls = controls or NoControls()
        self._known = {name: self._read(name, vendor) for name, vendor in vendors.items()}

    def of(self, vendor: str) -> CallLimits | None:
        """None for a queue that is no vendor's, or a vendor's that has left the tables."""
        found = self._vendors.get(vendor)
        return None if found is None else self._now(vendor, found).limits

    async def restore(self, vendor: str, notice: str) -> None:
        """Answer a claim's notice. Raises `Unavailable`, or Redis' own faults; the next claim asks again."""
        found = self._vendors.get(vendor)
        if found is not None:
            now = self._now(vendor, found)
            known = await self._seeds.read(vendor, now.policy, now.limits, self._clock.now())
            if await self._limiter.restore(vendor, now.limits, notice, known) and (known.starts or known.paused):
                log.info("restored what redis forgot", vendor=vendor, starts=len(known.starts), paused=known.paused)

    async def hear(self) -> None:
        """Go by the operators' newest word: others do already. Raises `Unavailable`."""
        await self._controls.look()

    def _now(self, vendor: str, found: Vendor) -> _Known:
        known, control = self._known.get(vendor), self._controls.of(vendor)
        policy = control.overrides.over(found.policy)
        if known is not None and (known.policy, known.version) == (policy, control.version):
            return known
        try:
            known = self._read(vendor, found)
        except ConfigurationError as fault:
            log.warning("a vendor's new limit is not taken, the old one stays", fault=fault.detail)
            known = _Known(policy, control.version, UNLIMITED if known is None else known.limits)
        self._known[vendor] = known
        return known

    def _read(self, vendor: str, found: Vendor) -> _Known:
        control = self._controls.of(vendor)
        policy = control.overrides.over(found.policy)
        return _Known(policy, control.version, CallLimits.of(vendor, policy, control.version))
