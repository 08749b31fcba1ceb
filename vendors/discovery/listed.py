"""Instances that a file lists."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence

from domain.balancing.instances import Instance


class Listed:
    """A `Discovery` of what never changes. Plain URLs weigh 1."""

    def __init__(self, instances: Iterable[str | Instance]) -> None:
        self._instances = tuple(Instance(each.rstrip("/")) if isinstance(each, str) else each for each in instances)

    async def watch(self) -> AsyncIterator[Sequence[Instance]]:
        yield self._instances
        await asyncio.Event().wait()
