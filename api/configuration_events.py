"""
`GET /config/{service}/events`: the configuration now and whenever it changes, as server-sent events.

An event's id is the version and its data the text, so a client that comes back with `Last-Event-ID` is told only what
it has not seen. Versions in between may be skipped.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from litestar import get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse

from api.callers import ask_again, caller_of
from api.event_streams import HEADERS, HEARTBEAT, HEARTBEAT_SECONDS, LOOK_AGAIN_SECONDS, next_news
from api.headers import header
from api.provided import Ports, configurations_of
from api.queries import read_query
from domain.configurations import Configuration, Configurations, no_such_configuration, read_own_name
from domain.edge.answers import AnyRequest
from domain.errors import Unauthenticated

_VERSION = re.compile(r"[1-9][0-9]{0,8}")


@get("/config/{service:str}/events")
async def watch_configuration(request: AnyRequest, service: FromPath[str], ports: Ports) -> ASGIResponse:
    """Tell the newest version and each later one, until the client leaves."""
    read_query(request.scope)
    name = read_own_name(service, caller_of(request))
    seen = _VERSION.fullmatch((header(request.scope, b"last-event-id") or "").strip())
    configurations = configurations_of(ports)
    if await configurations.find(name) is None:
        raise no_such_configuration()
    watch = ConfigurationWatch(configurations, name, ports.stopping, partial(ask_again, request))
    return ASGIStreamingResponse(iterator=watch.tell(int(seen[0]) if seen else 0), headers=HEADERS)


@dataclass(frozen=True)
class ConfigurationWatch:
    """One client that watches one configuration, until it leaves, the process stops, or the gate would refuse it."""

    configurations: Configurations
    service: str
    stopping: asyncio.Event
    ask_again: Callable[[], Awaitable[None]]
    heartbeat_seconds: float = HEARTBEAT_SECONDS
    look_again_seconds: float = LOOK_AGAIN_SECONDS

    async def tell(self, seen: int) -> AsyncGenerator[bytes, None]:
        while not self.stopping.is_set():
            try:
                found = await self._next(seen)
            except Unauthenticated:
                return
            if found is None or found.number == seen:
                yield HEARTBEAT
            else:
                seen = found.number
                yield _event(found)

    async def _next(self, seen: int) -> Configuration | None:
        """The newest version once it is another, or as it stands by the next heartbeat; None when nobody can say."""
        news = self.configurations.wait_for_change(self.service, seen, self.heartbeat_seconds)
        return await next_news(news, self.ask_again, self.stopping, self.look_again_seconds)


def _event(found: Configuration) -> bytes:
    data = b"\n".join(b"data: " + line for line in found.text.encode().splitlines())
    return b"event: configuration\nid: %d\n%b\n\n" % (found.number, data)
