"""The place of a benchmark: a gateway with no worker yet, what is started beside it, and what is read off it all."""

import asyncio
import json
import os
import platform
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from loadtest.raw_http import Tally, blast, connect, request_bytes

SYNC = b'{"vendorType": "sync", "vendorPayload": {"productId": "PROD-ABC-123", "action": "fetch_details"}}'
IDLE_SECONDS = 0.03  # one job is over before the next comes
MOST_CALLS = 10_000  # that the ledger lists at once

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    gateway: str
    baseline: str = ""
    ratio: str = ""


def compare(what: str, ours: float, theirs: float) -> Row:
    return Row(what, f"{ours:,.0f}", f"{theirs:,.0f}", f"{ours / theirs:.1f} ×")


def admit_admin(home: Path) -> str:
    """An admin's key, which the gateway of `home` knows from its first start: a home keeps the hash of one."""
    key = f"gwk_{secrets.token_hex(24)}"
    (home / "bootstrap.key").write_text(f"{sha256(key.encode()).hexdigest()}\n")
    return key


def measured(rows: Sequence[Row], *columns: str) -> str:
    """A table of Markdown, under the day and the machine."""
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    lines = [f"Measured {datetime.now(UTC):%Y-%m-%d} on {machine}.", ""]
    lines += [f"| {' | '.join(columns)} |", "|---|---|---|---|"]
    lines += [f"| {row.what} | {row.gateway} | {row.baseline} | {row.ratio} |" for row in rows]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Lab:
    host: str
    environment: dict[str, str]
    admin_key: str = ""  # of one that `admit_admin` let in

    @classmethod
    def of(cls, host: str, home: Path, settings: Mapping[str, str], admin_key: str = "") -> "Lab":
        """At the gateway that runs with `settings` in `home`, and its servers."""
        addresses = dict(line.split("=", 1) for line in (home / "servers.env").read_text().splitlines())
        return cls(host, {**os.environ, **addresses, **settings, "GATEWAY_HOME": str(home)}, admin_key)

    @property
    def vendors(self) -> str:
        return self.environment["GATEWAY_DEMO_VENDORS_URL"]

    @property
    def webhook_secret(self) -> str:
        """What the simulated vendors sign with, as the gateway's home keeps it."""
        return (Path(self.environment["GATEWAY_HOME"]) / "demo-webhook.secret").read_text()

    @contextmanager
    def process(self, *arguments: str, module: str = "cli.main") -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen([sys.executable, "-m", module, *arguments], env=self.environment)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()

    @contextmanager
    def workers(self, count: int, *arguments: str) -> Iterator[list[int]]:
        """Their process ids."""
        with ExitStack() as stack:
            yield [stack.enter_context(self.process("worker", *arguments)).pid for _ in range(count)]

    @asynccontextmanager
    async def database(self, name: str = "gateway") -> AsyncIterator[AsyncDatabase[Document]]:
        client: AsyncMongoClient[Document] = AsyncMongoClient(
            self.environment["GATEWAY_MONGO_URL"], tz_aware=True, uuidRepresentation="standard"
        )
        async with client:
            yield client[name]

    async def completed(self, database: str = "gateway", vendor: str | None = None) -> int:
        wanted = {"status": "complete", **({} if vendor is None else {"vendor": vendor})}
        async with self.database(database) as found:
            return await found["jobs"].count_documents(wanted)

    async def ask_vendors(self, method: str, path: str) -> Any:
        """What a control route answers."""
        vendors = await connect(self.vendors)
        _, body = await vendors.exchange(request_bytes(method, path))
        vendors.close()
        return json.loads(body) if body else None

    async def calls(self) -> list[Document]:
        """Every call that is on record; `at_monotonic` is of the clock that all processes of this machine share."""
        found: list[Document] = []
        since: int | None = 0
        while since is not None:
            page = await self.ask_vendors("GET", f"/control/calls?limit={MOST_CALLS}&since={since}")
            found += page["calls"]
            since = page["next"]
        return found

    async def in_flight(self) -> int:
        return int((await self.ask_vendors("GET", "/control/stats"))["in_flight"])


async def warm(lab: Lab, body: bytes = SYNC) -> None:
    """One job through everything, so that the worker is up and its connections are open."""
    _, took = await blast(lab.host, 1, 1, request_bytes("POST", "/jobs", body, "Prefer: wait=20\r\n"))
    print(f"  a first job took {took:.2f} s", flush=True)
    await lab.ask_vendors("DELETE", "/control/calls")


async def pick_ups(lab: Lab, jobs: int, body: bytes = SYNC) -> Tally:
    """From sending POST to the vendor's receipt of the call, one job after the other."""
    api = await connect(lab.host)
    sent: dict[str, float] = {}
    for _ in range(jobs):
        at = time.monotonic()
        _, answer = await api.exchange(request_bytes("POST", "/jobs", body))
        sent[json.loads(answer)["request_id"]] = at
        await asyncio.sleep(IDLE_SECONDS)
    api.close()
    while True:
        received = {call["request_id"]: call["at_monotonic"] for call in await lab.calls()}
        if sent.keys() <= received.keys():
            return Tally([received[request_id] - at for request_id, at in sent.items()])
        await asyncio.sleep(0.05)
