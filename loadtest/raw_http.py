"""
A load generator that costs little: one protocol object a connection, requests as bytes, answers counted.

It shares the machine with what it measures, so it does nothing that the measurement does not need:
HTTP/1.1 with keep-alive and Content-Length only. Connections are opened before the clock starts.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import repeat
from typing import cast
from urllib.parse import urlsplit

END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length:"


@dataclass(slots=True)
class Tally:
    """What came back: latencies in seconds, answers by status."""

    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    def percentile_ms(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


class Connection(asyncio.Protocol):
    """One request at a time; `exchange` answers (status, body)."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # of TCP, so it can write

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("closed by the server"))

    async def exchange(self, request: bytes) -> tuple[int, bytes]:
        assert self._transport is not None  # noqa: S101 - set before the connection is handed out
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(END_OF_HEAD)
        if end < 0 or self._answer is None:
            return
        head = self._buffer[:end].lower()
        at = head.find(LENGTH)
        length = int(head[at + len(LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        total = end + len(END_OF_HEAD) + length
        if len(self._buffer) >= total:
            body = self._buffer[end + len(END_OF_HEAD) : total]
            self._buffer = self._buffer[total:]
            self._answer.set_result((int(head[9:12]), body))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def request_bytes(method: str, path: str, body: bytes = b"", headers: str = "") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n{headers}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def connect(base_url: str) -> Connection:
    address = urlsplit(base_url)
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, address.hostname or "127.0.0.1", address.port or 80)
    return connection


async def blast(base_url: str, connections: int, how_many: int, request: bytes) -> tuple[Tally, float]:
    """Send `request` `how_many` times over `connections` at once; answers the tally and the seconds that it took."""
    return await blast_each(base_url, connections, repeat(request, how_many))


async def blast_each(base_url: str, connections: int, requests: Iterable[bytes]) -> tuple[Tally, float]:
    """The same with a request of its own each time; one that is made when it is asked for costs its making."""
    pool = [await connect(base_url) for _ in range(connections)]
    await asyncio.gather(*(each.exchange(request_bytes("GET", "/health/live")) for each in pool))
    tally, left = Tally(), iter(requests)

    async def work(connection: Connection) -> None:
        for request in left:
            began = time.perf_counter()
            status, _ = await connection.exchange(request)
            tally.latencies.append(time.perf_counter() - began)
            tally.statuses[status] = tally.statuses.get(status, 0) + 1

    began = time.perf_counter()
    await asyncio.gather(*map(work, pool))
    took = time.perf_counter() - began
    for each in pool:
        each.close()
    return tally, took
