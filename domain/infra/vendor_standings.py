"""How all vendors stand, for the figures: in one round trip, and of Redis alone, whatever else is away."""

import asyncio
from collections.abc import Mapping

from domain.errors import ConfigurationError
from domain.infra.limits import CallLimits
from domain.infra.queue import Queue
from domain.infra.redis import REDIS_FAULTS
from domain.infra.vendor_states import PATIENCE_SECONDS, state_of
from domain.vendor_control import KnownControls
from domain.vendor_states import Recent, VendorState
from domain.vendors import VendorPolicy


class RedisVendorStandings:
    """`VendorStandings`. `policies`, those of the tables, may change while it is used."""

    def __init__(self, queue: Queue, policies: Mapping[str, VendorPolicy], controls: KnownControls) -> None:
        self._queue = queue
        self._policies = policies
        self._controls = controls

    async def all(self) -> Mapping[str, VendorState | None]:
        policies = {name: self._controls.of(name).overrides.over(table) for name, table in self._policies.items()}
        asked = {name: policy for name, policy in policies.items() if _can_be_kept(name, policy)}
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                looks = await self._queue.looks.vendors(asked)
        except REDIS_FAULTS:
            return dict.fromkeys(policies)
        read = {name: state_of(name, asked[name], look, Recent()) for name, look in looks.items()}
        return {**dict.fromkeys(policies), **read}


def _can_be_kept(vendor: str, policy: VendorPolicy) -> bool:
    try:
        CallLimits.of(vendor, policy)
    except ConfigurationError:  # which is told at the start
        return False
    return True
