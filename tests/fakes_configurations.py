"""A fake of `domain.configurations.Configurations`, and configurations to test with."""

import asyncio
from collections.abc import Sequence
from typing import Any

from domain.configurations import Configuration, Version
from tests.outages import MayBeDown
from tests.strategies import NOON


class FakeConfigurations(MayBeDown):
    """A `Configurations` over one dictionary, each service's versions in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.stored: dict[str, list[Configuration]] = {}
        self.asked = 0  # for how many newest ones
        self.waiting = asyncio.Event()  # set while somebody waits for a change
        self._changed = asyncio.Condition()

    async def find(self, service: str, least: int = 0) -> Configuration | None:
        self.asked += 1
        self._answer()
        found = self.stored.get(service)
        return found[-1] if found else None

    async def find_stored(self, service: str) -> Configuration | None:
        return await self.find(service)

    async def find_version(self, service: str, number: int) -> Configuration | None:
        self._answer()
        return next((one for one in self.stored.get(service, ()) if one.number == number), None)

    async def list(self, service: str, limit: int, before: int | None = None) -> Sequence[Version]:
        self._answer()
        newest_first = [one.about for one in reversed(self.stored.get(service, []))]
        return [one for one in newest_first if before is None or one.number < before][:limit]

    async def add(self, configuration: Configuration) -> bool:
        self._answer()
        versions = self.stored.setdefault(configuration.about.service, [])
        if any(one.number == configuration.number for one in versions):
            return False
        async with self._changed:
            versions.append(configuration)
            self._changed.notify_all()
        return True

    async def wait_for_change(self, service: str, known: int, seconds: float) -> Configuration | None:
        self._answer()
        self.waiting.set()
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: self._number(service) != known)
        except TimeoutError:
            pass
        finally:
            self.waiting.clear()
        return await self.find(service)

    def _number(self, service: str) -> int:
        found = self.stored.get(service)
        return found[-1].number if found else 0


def a_configuration(service: str = "orders", number: int = 1, text: str = '{"a":1}', **fields: Any) -> Configuration:
    usual = {"size": len(text.encode()), "changed_at": NOON, "changed_by": "user:ann"}
    return Configuration(Version(service, number, **{**usual, **fields}), text)
