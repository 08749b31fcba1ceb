"""
The two servers that the gateway stands on, as a run hurts them: Redis by its own commands, MongoDB by who leads it.

Redis is spoken to in inline commands over a socket of our own, so that nothing of the gateway's client stands between.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from loadtest.chaos.programs import ELECTION_MS, LOOPBACK, MEMBERS, REPLICA_SET, Site
from loadtest.chaos.schedule import REDIS
from loadtest.chaos.tables import VENDORS

ANSWER_SECONDS = 2.0
READY_SECONDS = 90.0  # what was killed reads its journal or its log first
LOOK_SECONDS = 0.1
OPEN = {"$in": ["pending", "processing"]}
LIVE, BY_LIVE = {"sweep_at": {"$exists": True}}, "to_sweep"  # an index, so that a look does not read every job
BOUNDED = [vendor.name for vendor in VENDORS.values() if vendor.windows or vendor.concurrency]

Document = dict[str, Any]
Client = AsyncMongoClient[Document]


class RedisServer:
    def __init__(self, site: Site) -> None:
        self._port = site.ports[REDIS]
        self._log = site.home / REDIS / "appendonlydir"

    async def answers(self) -> bool:
        try:
            return (await self.command("PING")).startswith("+PONG")
        except (OSError, TimeoutError):
            return False

    async def ready(self) -> None:
        """Wait until it has read its log and takes commands. Raises `TimeoutError`."""
        async with asyncio.timeout(READY_SECONDS):
            while not await self.answers():
                await asyncio.sleep(LOOK_SECONDS)

    async def command(self, words: str) -> str:
        """The first line of its answer."""
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(LOOPBACK, self._port)
            try:
                writer.write(f"{words}\r\n".encode())
                return (await reader.readline()).decode().strip()
            finally:
                writer.close()

    async def version(self) -> str:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(LOOPBACK, self._port)
            writer.write(b"INFO server\r\n")
            said = (await reader.read(4096)).decode()
            writer.close()
        facts = dict(line.split(":", 1) for line in said.splitlines() if ":" in line)
        name = facts.get("server_name", "redis")
        return f"{name} {facts.get(f'{name}_version', facts.get('redis_version', '?'))}"

    def cut_log(self, size: int) -> None:
        """Take `size` bytes off the end of its log, as a machine that lost its power does. Only while it is dead."""
        newest = max(self._log.glob("*.incr.aof"), key=lambda file: file.stat().st_mtime, default=None)
        if newest is not None:
            with newest.open("r+b") as file:
                file.truncate(max(newest.stat().st_size - size, 0))


class MongoSet:
    """Three members that elect one of them."""

    def __init__(self, site: Site) -> None:
        self._addresses = {name: site.address(name) for name in MEMBERS}
        self._url = site.mongo_url

    async def initiate(self) -> None:
        members = [{"_id": number, "host": host} for number, host in enumerate(self._addresses.values())]
        config = {"_id": REPLICA_SET, "members": members, "settings": {"electionTimeoutMillis": ELECTION_MS}}
        async with self._directly(MEMBERS[0]) as client:
            await client.admin.command("replSetInitiate", config)
        await self.ready()

    async def ready(self) -> None:
        """Wait until it has a primary. Raises `TimeoutError`."""
        async with asyncio.timeout(READY_SECONDS):
            while await self.primary() is None:
                await asyncio.sleep(LOOK_SECONDS)

    async def healthy(self) -> None:
        """Wait until one member leads and the others follow it. Raises `TimeoutError`."""
        async with asyncio.timeout(READY_SECONDS):
            while sorted(await asyncio.gather(*map(self._role, MEMBERS))) != ["primary", "secondary", "secondary"]:
                await asyncio.sleep(LOOK_SECONDS)

    async def primary(self) -> str | None:
        roles = await asyncio.gather(*map(self._role, MEMBERS))
        return next((name for name, role in zip(MEMBERS, roles, strict=True) if role == "primary"), None)

    async def secondary(self) -> str | None:
        roles = await asyncio.gather(*map(self._role, MEMBERS))
        return next((name for name, role in zip(MEMBERS, roles, strict=True) if role == "secondary"), None)

    async def step_down(self) -> None:
        leader = await self.primary()
        if leader is not None:
            async with self._directly(leader) as client:
                with suppress(PyMongoError):  # it closes its connections while it does
                    await client.admin.command("replSetStepDown", 10, secondaryCatchUpPeriodSecs=5)

    async def version(self) -> str:
        async with self._directly(MEMBERS[0]) as client:
            return f"mongod {(await client.server_info())['version']}"

    @asynccontextmanager
    async def books(self) -> AsyncIterator["Books"]:
        client: Client = AsyncMongoClient(self._url, tz_aware=True, uuidRepresentation="standard", timeoutMS=10_000)
        async with client:
            yield Books(client)

    async def _role(self, name: str) -> str:
        try:
            async with self._directly(name) as client:
                hello: Mapping[str, Any] = await client.admin.command("hello")
        except PyMongoError:
            return "away"
        if hello.get("isWritablePrimary"):
            return "primary"
        return "secondary" if hello.get("secondary") else "away"

    @asynccontextmanager
    async def _directly(self, name: str) -> AsyncIterator[Client]:
        url = f"mongodb://{self._addresses[name]}/?directConnection=true"
        client: Client = AsyncMongoClient(
            url, serverSelectionTimeoutMS=500, connectTimeoutMS=500, socketTimeoutMS=15_000
        )
        async with client:
            yield client


class Away(Exception):
    """MongoDB cannot be asked now."""


class Books:
    """What MongoDB holds of the jobs, read beside the gateway. Every method raises `Away` while nobody can read."""

    def __init__(self, client: Client) -> None:
        self._jobs = client["gateway"]["jobs"]

    async def held_by(self, worker: str) -> dict[Any, int]:
        """The epochs of the jobs that this worker is in the middle of, by id; of vendors that hold nobody up."""
        running = {"$elemMatch": {"worker": {"$regex": f":{worker}:"}, "ended_at": {"$exists": False}}}
        with _asking():
            wanted = {**LIVE, "status": "processing", "vendor": {"$nin": BOUNDED}, "attempts": running}
            found = self._jobs.find(wanted, {"epoch": 1}).hint(BY_LIVE)
            return {job["_id"]: job["epoch"] async for job in found}

    async def untouched(self, held: Mapping[Any, int]) -> dict[Any, int]:
        """Those of `held` that nobody has written to since, and that have not ended."""
        with _asking():
            found = self._jobs.find({"_id": {"$in": list(held)}, "status": OPEN}, {"epoch": 1})
            return {job["_id"]: job["epoch"] async for job in found if job["epoch"] == held[job["_id"]]}

    async def open_jobs(self) -> int:
        with _asking():
            return await self._jobs.count_documents({**LIVE, "status": OPEN}, hint=BY_LIVE)

    async def documents(self) -> list[Document]:
        """Every job as it stands, without what its client wrote."""
        with _asking():
            return [job async for job in self._jobs.find({}, {"payload": 0})]


@contextmanager
def _asking() -> Iterator[None]:
    try:
        yield
    except PyMongoError as fault:
        raise Away(type(fault).__name__) from fault
