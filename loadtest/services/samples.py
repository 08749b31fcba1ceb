"""The sample services together, and the routes that tell their instances what to do."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import msgspec

from loadtest.services.instance import SampleInstance
from loadtest.services.wishes import WELL, Wish


class Samples:
    """
    PUT    /control/services/user/1   a wish, such as {"mode": "dead"}; see `loadtest.services.wishes`
    DELETE /control/services/user/1   well again
    GET    /control/services          {"user": [{"instance", "url", "calls", "wish"}, …], …}
    DELETE /control/services          all well again, and nothing counted
    """

    def __init__(self, urls: Mapping[str, Sequence[str]]) -> None:
        self.services = {name: tuple(_instances(name, each)) for name, each in urls.items()}

    async def answer(self, method: str, path: Sequence[str], body: bytes) -> Any:
        """What to show; None for a route that is not there. Raises `msgspec.DecodeError`."""
        match method, path:
            case "GET", []:
                return self.look()
            case "DELETE", []:
                for instance in self._all():
                    await instance.follow(WELL)
                    instance.calls = 0
                return self.look()
            case (("PUT" | "DELETE"), [service, number]) if number.isdecimal():
                known = self.services.get(service, ())
                if not 0 < int(number) <= len(known):
                    return None
                instance = known[int(number) - 1]
                await instance.follow(msgspec.json.decode(body, type=Wish) if method == "PUT" else WELL)
                return _look(instance)
        return None

    def look(self) -> dict[str, list[dict[str, Any]]]:
        return {name: [_look(instance) for instance in each] for name, each in self.services.items()}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        try:
            for instance in self._all():
                await instance.start()
            yield
        finally:
            for instance in self._all():
                instance.stop()

    def _all(self) -> list[SampleInstance]:
        return [instance for each in self.services.values() for instance in each]


def _instances(name: str, urls: Sequence[str]) -> list[SampleInstance]:
    places = [urlsplit(url) for url in urls]
    return [
        SampleInstance(name, number, place.hostname or "127.0.0.1", 80 if place.port is None else place.port)
        for number, place in enumerate(places, start=1)
    ]


def _look(instance: SampleInstance) -> dict[str, Any]:
    return {"instance": instance.name, "url": instance.url, "calls": instance.calls, "wish": instance.wish}
