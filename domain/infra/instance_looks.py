"""How the fleet's breakers of a vendor's instances stand, read at most once a second however many ask."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from domain.balancing.instances import Instance
from domain.infra.queue import Queue
from domain.infra.readings import Reading, Readings, read_within
from domain.infra.redis import REDIS_FAULTS
from domain.vendor_states import InstanceState
from domain.vendors import instance_breaker

FRESH_SECONDS = 1.0
PATIENCE_SECONDS = 0.5
NO_INSTANCES: Mapping[str, Sequence[Instance]] = MappingProxyType({})


class InstanceLooks:
    """`instances`, those of the tables, may change while it is used; `readings` are its owner's to close."""

    def __init__(self, queue: Queue, instances: Mapping[str, Sequence[Instance]], readings: Readings) -> None:
        self._queue = queue
        self._instances = instances
        self._readings = readings
        self._asked: dict[str, Reading[Sequence[InstanceState] | None]] = {}

    async def of(self, vendor: str) -> Sequence[InstanceState] | None:
        """None where Redis does not tell in time. Raises nothing."""
        instances = self._instances.get(vendor)
        if not instances:
            return ()
        reading = self._asked.get(vendor)
        if reading is None or reading.is_over(FRESH_SECONDS):
            reading = self._asked[vendor] = self._readings.begin(self._read(vendor, instances))
        await read_within(PATIENCE_SECONDS, [reading])
        return reading.task.result() if reading.task.done() else None

    async def _read(self, vendor: str, instances: Sequence[Instance]) -> Sequence[InstanceState] | None:
        try:
            looks = await self._queue.looks.breakers([instance_breaker(vendor, each.url) for each in instances])
        except REDIS_FAULTS:
            return None
        return [InstanceState(instance, look) for instance, look in zip(instances, looks, strict=True)]
