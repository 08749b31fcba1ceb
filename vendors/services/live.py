"""
The services while the gateway runs: their tables are read again, and their instances followed.

A table that is broken then is told of and not taken. A service whose table is the same stays, with all that is known of
its instances; requests under way end where they began.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import structlog

from domain.balancing.balancer import Balancer
from domain.balancing.budget import RetryBudget
from domain.balancing.instances import InstanceLook
from domain.balancing.ports import Breakers
from domain.errors import ConfigurationError, NotFound
from domain.services import ProxyRequest, ServicePolicy
from vendors.services.calls import Call, Service
from vendors.services.connections import open_session
from vendors.services.replies import HttpReply
from vendors.services.settings import ServiceTable
from vendors.services.uploads import Upload

Read = Callable[[], Mapping[str, ServiceTable]]  # may raise `ConfigurationError`
Begin = Callable[[], Coroutine[Any, Any, None]]
Follow = Callable[[str, ServiceTable, Balancer], Iterable[Begin]]  # what is to run for a service

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Running:
    service: Service
    tasks: tuple[asyncio.Task[None], ...]


class LiveServices:
    """`Services` over HTTP. The first reading raises `ConfigurationError`, later ones never."""

    def __init__(self, read: Read, follow: Follow, session: aiohttp.ClientSession, breakers: Breakers) -> None:
        self._read = read
        self._follow = follow
        self._session = session
        self._breakers = breakers
        self._running: dict[str, _Running] = {}
        self._take()

    def policy(self, name: str) -> ServicePolicy | None:
        running = self._running.get(name)
        return None if running is None else running.service.table.policy

    async def open(self, name: str, request: ProxyRequest, body: AsyncIterator[bytes]) -> HttpReply:
        running = self._running.get(name)
        if running is None:
            raise NotFound(f"there is no service {name}; its operator names them in [services.NAME]")
        service = running.service
        upload = Upload(body, service.table.timeout_seconds)
        return await Call(service, request, upload, self._session, self._breakers).open()

    def looks(self) -> Iterator[tuple[str, InstanceLook]]:
        """Each service's instances, as this process sees them."""
        for name, running in self._running.items():
            for look in running.service.balancer.looks():
                yield name, look

    def reload(self) -> bool:
        """Read everything again; False, and all stays as it was, where something is wrong with it."""
        try:
            self._take()
        except ConfigurationError as fault:
            log.warning("the services' tables are not taken, the old ones stay", fault=fault.detail)
            return False
        return True

    async def stop(self) -> None:
        tasks = [task for running in self._running.values() for task in running.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _take(self) -> None:
        tables = self._read()
        for name, running in tuple(self._running.items()):
            if tables.get(name) != running.service.table:
                del self._running[name]
                for task in running.tasks:
                    task.cancel()
        for name, table in tables.items():
            if name not in self._running:
                self._running[name] = self._begin(name, table)

    def _begin(self, name: str, table: ServiceTable) -> _Running:
        service = Service(name, table, Balancer(table.strategy), RetryBudget())
        service.balancer.follow(table.instances)
        kept = (asyncio.create_task(_kept(name, one)) for one in self._follow(name, table, service.balancer))
        return _Running(service, tuple(kept))


@asynccontextmanager
async def open_services(read: Read, follow: Follow, breakers: Breakers) -> AsyncIterator[LiveServices]:
    async with open_session() as session:
        services = LiveServices(read, follow, session, breakers)
        try:
            yield services
        finally:
            await services.stop()


async def _kept(name: str, begin: Begin) -> None:
    """A bug in what looks after the instances is told, and the last list stays."""
    try:
        await begin()
    except Exception:
        log.exception("a service's instances are not followed any more", service=name)
