"""Asking an instance whether it is well: one GET, of whose answer the status alone counts."""

import asyncio

import httpx

from domain.balancing.instances import Instance

_BROKEN = (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError)


class HttpPings:
    """
    `Pings` by `GET {instance}{path}`: 2xx is well. Redirects are not followed, bodies not read.

    `http` belongs to whoever gives it.
    """

    def __init__(self, http: httpx.AsyncClient, path: str, *, timeout_seconds: float = 2.0) -> None:
        self._http = http
        self._path = path
        self._timeout_seconds = timeout_seconds

    async def ping(self, instance: Instance) -> bool:
        try:
            async with (
                asyncio.timeout(self._timeout_seconds),
                self._http.stream("GET", instance.url + self._path, timeout=None, follow_redirects=False) as reply,
            ):
                return reply.is_success
        except (TimeoutError, *_BROKEN):
            return False
