"""
What the proxy is measured against: the least that passes requests on, with the faster of the same libraries.

One aiohttp client, the next instance in turn, both bodies streamed. Nobody is authenticated, nothing is counted,
guarded or tried again: a baseline for speed, not for safety.

    python -m loadtest.baseline_proxy PORT INSTANCE,INSTANCE,…
"""

import itertools
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import uvicorn

HOP_BY_HOP = {b"connection", b"host", b"keep-alive", b"transfer-encoding"}


class Proxy:
    def __init__(self, instances: list[str]) -> None:
        self._instances = itertools.cycle(instances)
        self._http: aiohttp.ClientSession | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        if self._http is None:
            self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False)
        headers = [(name.decode(), value.decode()) for name, value in scope["headers"] if name not in HOP_BY_HOP]
        url = f"{next(self._instances)}{scope['path'].removeprefix('/services/user')}"
        body = None if scope["method"] == "GET" else _body(receive)
        async with self._http.request(scope["method"], url, headers=headers, data=body) as reply:
            told = [(name, value) for name, value in reply.raw_headers if name.lower() not in HOP_BY_HOP]
            await send({"type": "http.response.start", "status": reply.status, "headers": told})
            async for piece in reply.content.iter_any():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _body(receive: Any) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        yield message.get("body", b"")


def main() -> None:
    proxy = Proxy(sys.argv[2].split(","))
    uvicorn.run(proxy, port=int(sys.argv[1]), log_level="warning", access_log=False, lifespan="off")


if __name__ == "__main__":
    main()
