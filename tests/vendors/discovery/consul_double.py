"""
Consul's HTTP API on a real socket: `/v1/health/service/{name}` with blocking queries.

As Consul does: a query with an index is held until its own is higher, or its wait is over.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Trouble = Callable[[web.Request], Awaitable[web.StreamResponse]]


def entry(address: str, port: int, **more: Any) -> dict[str, Any]:
    """One instance as Consul tells of it, with much that nobody asked for."""
    service = {"ID": f"user-{port}", "Service": "user", "Address": address, "Port": port, "Meta": None, **more}
    return {"Node": {"Node": "n1", "Address": "10.0.0.9"}, "Service": service, "Checks": [{"Status": "passing"}]}


@dataclass
class ConsulDouble:
    entries: list[dict[str, Any]] = field(default_factory=list)
    index: int = 7
    url: str = ""
    trouble: Trouble | None = None  # what every query gets instead
    queries: list[Mapping[str, str]] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    held: asyncio.Event = field(default_factory=asyncio.Event)  # a query is being held
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def change(self, *entries: dict[str, Any], index: int | None = None) -> None:
        """Ends every query that is held, as a write does; or, with a lower index, as the end of its wait."""
        self.entries = list(entries)
        self.index = self.index + 1 if index is None else index
        self._changed.set()
        self._changed = asyncio.Event()
        self.held.clear()

    async def break_down(self, trouble: Trouble) -> None:
        """Whoever is held, and whoever comes, gets `trouble`."""
        self.trouble = trouble
        self.change(*self.entries)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.queries.append(dict(request.query))
        self.tokens.append(request.headers.get("X-Consul-Token"))
        self.paths.append(request.path_qs.partition("?")[0])
        asked = int(request.query.get("index", 0))
        if asked > 0 and self.index <= asked:
            self.held.set()
            await self._changed.wait()
        if self.trouble is not None:
            return await self.trouble(request)
        return web.Response(body=json.dumps(self.entries), headers=self.headers())

    def headers(self) -> dict[str, str]:
        return {"X-Consul-Index": str(self.index), "Content-Type": "application/json"}


def replying(status: int, body: str, **headers: str) -> Trouble:
    async def reply(request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, text=body, headers=named)

    return reply


async def hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def hang_up_in_the_middle(request: web.Request) -> web.StreamResponse:
    reply = web.StreamResponse(headers={"Content-Length": "1000", "X-Consul-Index": "9"})
    await reply.prepare(request)
    await reply.write(b'[{"Node"')
    return await hang_up(request)


@asynccontextmanager
async def consul(*entries: dict[str, Any]) -> AsyncIterator[ConsulDouble]:
    double = ConsulDouble(list(entries))
    app = web.Application()
    app.router.add_get("/v1/health/service/{name}", double.answer)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    double.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield double
    finally:
        double.change()  # lets everybody go
        await runner.cleanup()
