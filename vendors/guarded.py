"""
The transport for URLs that strangers chose: it dials addresses of the public internet and no others (SSRF).

The check stands where a socket is made, on the address that this very socket will be connected to: so a name that
is looked up twice, an address spelled in a strange way and a literal, which no resolver sees, all come through it.
Names are checked before that, too, all their addresses together: one that is private has the whole name refused.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType, Connection
from aiohttp.tracing import Trace

from domain.public_addresses import is_public
from vendors.errors import VendorError
from vendors.transport import KEEPALIVE_SECONDS, OneShotConnector, OneShotTransport

# A stranger's name servers may be slow on purpose, and nothing ends a look-up: they have threads of their own.
LOOKUPS_AT_ONCE = 64
MOST_DIALLED = 4  # addresses of one name: with hundreds of strangers' we would knock at doors on somebody's behalf

Lookup = Callable[[str, int], Awaitable[list[str]]]  # the addresses of a name; raises OSError
MakeSocket = Callable[[AddrInfoType], socket.socket]


class AddressRefused(VendorError):
    """The URL leads where no stranger's may lead. One text for all, or it would tell what our resolver sees."""

    code = "address_refused"

    def __init__(self) -> None:
        super().__init__("The URL does not lead to a public address; nothing was sent.")


class _NotPublic(OSError):
    """Raised where a socket would be made: aiohttp lets only an OSError through there."""


class GuardedResolver(AbstractResolver):
    """The system's resolver, with its answers checked. A name is looked up once for all who ask meanwhile."""

    def __init__(self, look_up: Lookup | None = None) -> None:
        self._under_way: dict[str, asyncio.Future[list[str]]] = {}
        self._threads = ThreadPoolExecutor(LOOKUPS_AT_ONCE, thread_name_prefix="callback-names")
        self._look_up = look_up or self._ask_system

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - aiohttp takes of each what it can use
    ) -> list[ResolveResult]:
        """Raises `AddressRefused` when any address of the name is not public, OSError when there is no such name."""
        # Shielded: whoever gives up takes it from nobody, and whoever comes again finds it, and takes no second thread.
        addresses = await asyncio.shield(self._under_way.get(host) or self._begin(host, port))
        if not addresses:
            raise OSError("the name has no address")
        if not all(is_public(address) for address in addresses):
            raise AddressRefused
        return [_resolved(host, address, port) for address in addresses[:MOST_DIALLED]]

    def _begin(self, host: str, port: int) -> asyncio.Future[list[str]]:
        def end(asked: asyncio.Future[list[str]]) -> None:
            del self._under_way[host]
            if not asked.cancelled():
                asked.exception()  # heard, though all who asked may have gone

        asked = self._under_way[host] = asyncio.ensure_future(self._look_up(host, port))
        asked.add_done_callback(end)
        return asked

    async def close(self) -> None:
        for asked in self._under_way.values():
            asked.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _ask_system(self, host: str, port: int) -> list[str]:
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        return [_with_zone(sockaddr) for _, _, _, _, sockaddr in found]


class GuardedConnector(OneShotConnector):
    """Refuses before `connect()`."""

    def __init__(self, resolver: GuardedResolver, make_socket: MakeSocket, **settings: Any) -> None:
        super().__init__(
            limit=0,
            resolver=resolver,
            socket_factory=_guarded(make_socket),
            use_dns_cache=False,  # it would share one look-up among calls, and so its cancellation
            **settings,
        )
        self._names = resolver

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp names it so
    ) -> Connection:
        """A connection to a public address. Raises `AddressRefused`."""
        try:
            return await super().connect(req, traces, timeout)
        except aiohttp.InvalidUrlClientError:  # a number that a socket would read as an address: 2130706433, 127.1
            raise AddressRefused from None
        except aiohttp.ClientConnectorError as fault:
            if isinstance(fault.os_error, _NotPublic):
                raise AddressRefused from None
            raise

    async def close(self, *, abort_ssl: bool = False) -> None:
        await super().close(abort_ssl=abort_ssl)
        await self._names.close()


class GuardedTransport(OneShotTransport):
    """`OneShotTransport` for strangers' URLs. What looks names up and makes sockets can be handed in."""

    def __init__(
        self,
        *,
        keepalive_seconds: float = KEEPALIVE_SECONDS,
        look_up: Lookup | None = None,
        make_socket: MakeSocket | None = None,
    ) -> None:
        super().__init__(keepalive_seconds=keepalive_seconds)
        self._look_up = look_up
        self._make_socket = make_socket or _plain_socket

    def _open_connector(self, **settings: Any) -> GuardedConnector:
        return GuardedConnector(GuardedResolver(self._look_up), self._make_socket, **settings)


def _guarded(make_socket: MakeSocket) -> MakeSocket:
    def make(address: AddrInfoType) -> socket.socket:
        if not is_public(str(address[4][0])):
            raise _NotPublic("not a public address")
        return make_socket(address)

    return make


def _plain_socket(address: AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    return socket.socket(family, kind, protocol)


def _with_zone(sockaddr: tuple[Any, ...]) -> str:
    """The address; an IPv6 one of an interface of this machine shows it, so that it is refused."""
    host = str(sockaddr[0])
    zone = sockaddr[3] if len(sockaddr) == 4 else 0
    return f"{host}%{zone}" if zone and "%" not in host else host


def _resolved(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(
        hostname=host, host=address, port=port, family=family, proto=socket.IPPROTO_TCP, flags=socket.AI_NUMERICHOST
    )
