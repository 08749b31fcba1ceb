"""The API on a real socket before real instances: sample ones, and some that are written byte by byte."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import httpx
import uvicorn
from uvicorn.server import ServerState

from api.ports import ApiPorts, ServicePorts
from domain.breakers import Admission, CallOutcome
from domain.callers import Caller, Role
from domain.edge.malformed import ProblemProtocol
from loadtest.services.instance import SampleInstance
from tests.api.apps import app_of
from tests.fake_control import FakeControl
from tests.fakes import FakeCallers, FakeJobs, FakeVendorStates
from vendors.services.live import LiveServices, open_services
from vendors.services.settings import ServiceTable

CALLERS = FakeCallers(alice=Caller("user:alice", Role.USER))
KEY = {"Authorization": "Bearer alice"}
PATIENCE_SECONDS = 20.0


@dataclass
class FakeBreakers:
    """`shut` keys admit nobody until then; reports are kept, and how long each call may last."""

    shut: dict[str, datetime] = field(default_factory=dict)
    probing: bool = False
    reports: list[tuple[str, CallOutcome]] = field(default_factory=list)
    lasting: list[timedelta] = field(default_factory=list)

    async def admit(self, key: str, lasts: timedelta) -> Admission:
        self.lasting.append(lasts)
        return Admission(allowed=key not in self.shut, probe=self.probing, until=self.shut.get(key))

    async def report(self, key: str, admission: Admission, outcome: CallOutcome) -> None:
        assert admission.allowed
        self.reports.append((key, outcome))

    @property
    def outcomes(self) -> list[CallOutcome]:
        return [outcome for _, outcome in self.reports]


@dataclass
class World:
    http: httpx.AsyncClient
    port: int
    services: LiveServices
    breakers: FakeBreakers
    tables: dict[str, ServiceTable]
    peers: list["Peer"] = field(default_factory=list)

    async def connect(self) -> "Peer":
        self.peers.append(Peer(*await asyncio.open_connection("127.0.0.1", self.port)))
        return self.peers[-1]


class Peer:
    """One connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def ask(self, method: str, path: str, *lines: str, body: bytes = b"") -> None:
        told = (f"{method} {path} HTTP/1.1", "Host: gateway", "Authorization: Bearer alice", *lines, "", "")
        await self.send("\r\n".join(told).encode("latin-1") + body)

    async def head(self) -> tuple[int, dict[str, str]]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.partition(": ") for line in lines if line)
        return int(first.split()[1]), {name.lower(): value for name, _, value in pairs}

    async def exactly(self, size: int) -> bytes:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.reader.readexactly(size)

    async def until_closed(self) -> bytes:
        """All that comes before the connection ends, however that does."""
        came = b""
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                while piece := await self.reader.read(65536):
                    came += piece
            except ConnectionError:
                pass
        return came

    async def chunk(self) -> bytes:
        size = int(await self._line(), 16)
        piece = await self.exactly(size)
        assert await self._line() == b""
        return piece

    async def leave(self) -> None:
        self.writer.transport.abort()

    async def _line(self) -> bytes:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return (await self.reader.readuntil(b"\r\n"))[:-2]


Treat = Callable[[Peer], Awaitable[None]]


class Handmade:
    """An instance that does with each of its connections as told. `gone` is set when one of them has ended."""

    def __init__(self, treat: Treat) -> None:
        self._treat = treat
        self.connections = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self.gone = asyncio.Event()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            await self._treat(Peer(reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.gone.set()
            writer.close()


@asynccontextmanager
async def handmade(treat: Treat) -> AsyncIterator[Handmade]:
    instance = Handmade(treat)
    server = await asyncio.start_server(instance.serve, "127.0.0.1", 0)
    instance.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield instance
    finally:
        server.close()
        for task in instance.tasks:
            task.cancel()
        await asyncio.gather(*instance.tasks, return_exceptions=True)


@asynccontextmanager
async def samples(count: int) -> AsyncIterator[list[SampleInstance]]:
    instances = [SampleInstance("user", number, "127.0.0.1", 0) for number in range(1, count + 1)]
    try:
        for instance in instances:
            await instance.start()
        yield instances
    finally:
        for instance in instances:
            instance.stop()


@asynccontextmanager
async def world_of(urls: Sequence[str], **said: Any) -> AsyncIterator[World]:
    """The service `user` at these addresses, whose table says so."""
    tables = {"user": table(urls, **said)}
    breakers = FakeBreakers()
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(open_services(partial(_read, tables), lambda *_: (), breakers))
        port = await stack.enter_async_context(_served(services))
        base = f"http://127.0.0.1:{port}"
        http = httpx.AsyncClient(base_url=base, headers=KEY, timeout=PATIENCE_SECONDS, verify=False)  # no https here
        world = World(await stack.enter_async_context(http), port, services, breakers, tables)
        try:
            yield world
        finally:
            for peer in world.peers:
                peer.writer.close()


def table(urls: Sequence[str], **said: Any) -> ServiceTable:
    return ServiceTable.model_validate({"instances": list(urls), **said})


def _read(tables: Mapping[str, ServiceTable]) -> Mapping[str, ServiceTable]:
    return dict(tables)


@asynccontextmanager
async def _served(services: LiveServices) -> AsyncIterator[int]:
    jobs = FakeJobs()
    ports = ApiPorts(
        intake=jobs,
        jobs=jobs,
        control=FakeControl(jobs),
        vendors=frozenset(),
        vendor_states=FakeVendorStates(),
        callers=CALLERS,
        anonymous_allowed=False,
        cursor_secret=b"s" * 32,
        health=(),
        services=ServicePorts(services),
    )
    config = uvicorn.Config(app_of(ports), http=ProblemProtocol, ws="none", lifespan="off", log_config=None)
    config.load()
    state = ServerState()
    # Without uvicorn's own loop, which looks up ten times a second, and holds up the end of each test for so long.
    listener = await asyncio.get_running_loop().create_server(
        lambda: ProblemProtocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        for connection in tuple(state.connections):
            connection.transport.abort()
        await asyncio.gather(*state.tasks)
