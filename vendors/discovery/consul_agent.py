"""
py-consul's questions to a Consul agent, over a transport of our own.

Why not its asyncio side: it reads an answer of any size, and ends no query of its own accord that Consul forgot.
Quirk: it takes a token of the environment over the one it is given.
Quirk: it puts what Consul said into its exceptions, and those are logged.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping

import httpx
from consul import base

from vendors.discovery.keeping import RegistryAway
from vendors.errors import ReplyTooLarge, ReplyUnreadable
from vendors.reading import ACCEPT_ENCODING, read_capped

WAIT_SECONDS = 60
MAX_BYTES = 4 * 1024 * 1024
_SLACK_SECONDS = 10.0  # above the wait and the sixteenth of it that Consul adds

_BROKEN = (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError)


class ConsulAgent(base.Consul):
    """Its methods give what is to be awaited, and raise `RegistryAway` besides py-consul's own `ConsulException`."""

    def __init__(self, url: str, http: httpx.AsyncClient, token: str | None) -> None:
        self._transport = _Transport(url, http)
        super().__init__(host="", port=0)  # said, so that it looks for no address in the environment
        self.token = token

    def http_connect(self, *_args: object, **_options: object) -> base.HTTPClient:
        return self._transport


class _Transport(base.HTTPClient):
    """Asks, and writes nothing. Paths come escaped."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self._url = url
        self._http = http

    async def get(  # as its asyncio side: what it gives is awaited
        self,
        callback: Callable[[base.Response], object],
        path: str,
        params: Iterable[tuple[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        raw: bool = False,  # noqa: ARG002 - as py-consul has it
    ) -> object:
        reply, body = await self._read(
            httpx.URL(self._url + path, params=dict(params or ())),
            {"Accept-Encoding": ACCEPT_ENCODING, **(headers or {})},
        )
        if reply.status_code != httpx.codes.OK:
            raise RegistryAway(f"Consul answered {reply.status_code}")
        return callback(base.Response(reply.status_code, reply.headers, body))

    async def _read(self, url: httpx.URL, headers: Mapping[str, str]) -> tuple[httpx.Response, bytes]:
        try:
            async with (
                asyncio.timeout(WAIT_SECONDS * 17 / 16 + _SLACK_SECONDS),
                self._http.stream("GET", url, headers=headers, timeout=None) as reply,
            ):
                return reply, await read_capped(reply, MAX_BYTES)
        except (ReplyTooLarge, ReplyUnreadable) as error:
            raise RegistryAway(f"Consul's answer cannot be read ({error.code})") from None
        except TimeoutError:
            raise RegistryAway("Consul did not answer in time") from None
        except _BROKEN as error:  # its text may hold the address
            raise RegistryAway(f"no whole answer of Consul ({type(error).__name__})") from None

    def put(self, *_args: object, **_options: object) -> object:
        raise NotImplementedError("nothing is written to Consul")

    delete = post = put

    def close(self) -> None:
        """The client belongs to whoever gave it."""
