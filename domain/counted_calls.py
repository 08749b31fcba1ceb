"""Calls to services, and what guards them, counted: each a port around another of its kind."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

from domain.balancing.ports import Breakers
from domain.breakers import Admission, CallOutcome
from domain.errors import BrokenOff, GatewayError, TimedOut
from domain.metrics import BREAKER_CALLS, PROXIED, PROXY_CUT, PROXY_SECONDS
from domain.services import ClientGone, Header, ProxyReply, ProxyRequest, ServicePolicy, Services
from domain.tallies import Tallies

VENDOR, VENDOR_INSTANCE = "vendor", "vendor_instance"  # kinds: a vendor of several instances has breakers of both
REFUSED, PROBE = "refused", "probe"  # what a breaker answered; besides, what it is told


class CountedBreakers:
    """`Breakers` around others. An instance's address is left out: with discovery there is no end of them."""

    def __init__(self, breakers: Breakers, counts: Tallies) -> None:
        self._breakers = breakers
        self._counts = counts

    async def admit(self, key: str, lasts: timedelta) -> Admission:
        admission = await self._breakers.admit(key, lasts)
        if not admission.allowed or admission.probe:
            self._count(key, PROBE if admission.allowed else REFUSED)
        return admission

    async def report(self, key: str, admission: Admission, outcome: CallOutcome) -> None:
        self._count(key, outcome.value)
        await self._breakers.report(key, admission, outcome)

    def _count(self, key: str, outcome: str) -> None:
        kind, name, *instance = key.split(":", 2)
        self._counts.add(BREAKER_CALLS, VENDOR_INSTANCE if kind == VENDOR and instance else kind, name, outcome)


class CountedServices:
    """`Services` around others: one count for each request that a client made, however many instances were asked."""

    def __init__(self, services: Services, counts: Tallies) -> None:
        self._services = services
        self._counts = counts

    def policy(self, name: str) -> ServicePolicy | None:
        return self._services.policy(name)

    async def open(self, name: str, request: ProxyRequest, body: AsyncIterator[bytes]) -> ProxyReply:
        begun, outcome = time.perf_counter(), "other"
        try:
            reply = await self._services.open(name, request, body)
            outcome = f"{reply.status // 100}xx"
            self._counts.observe(PROXY_SECONDS, time.perf_counter() - begun, name)
            return _CountedReply(reply, name, self._counts)
        except GatewayError as fault:
            outcome = fault.code
            raise
        except (asyncio.CancelledError, ClientGone):
            outcome = "left"
            raise
        finally:
            self._counts.add(PROXIED, name, outcome)


class _CountedReply:
    """A `ProxyReply` around another."""

    def __init__(self, reply: ProxyReply, service: str, counts: Tallies) -> None:
        self._reply = reply
        self._service = service
        self._counts = counts

    @property
    def status(self) -> int:
        return self._reply.status

    @property
    def headers(self) -> Sequence[Header]:
        return self._reply.headers

    async def pieces(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._reply.pieces():
                yield piece
        except (BrokenOff, TimedOut):
            self._counts.add(PROXY_CUT, self._service)
            raise

    async def close(self) -> None:
        await self._reply.close()
