"""A way to MongoDB that loses connections at a word: before the request arrives there, or with the answer to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import StrEnum, auto
from urllib.parse import urlsplit

COMMIT, INSERT, FIND_AND_MODIFY = b"commitTransaction", b"\x02insert\x00", b"\x02findAndModify\x00"
CHUNK = 1 << 16


class Lost(StrEnum):
    REQUEST = auto()
    ANSWER = auto()


class CuttingProxy:
    """Passes everything on until `cut`; from then on the next `times` commits (or others) lose their connection."""

    def __init__(self, host: str, port: int) -> None:
        self._there = host, port
        self._lost = Lost.REQUEST
        self._times = 0
        self._word = COMMIT
        self.cuts = 0

    def cut(self, lost: Lost, times: int = 1, word: bytes = COMMIT) -> None:
        self._lost, self._times, self._word = lost, times, word

    def mend(self) -> None:
        self._times = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection(*self._there)
        answers = asyncio.create_task(_pass_on(theirs, writer))
        try:
            while chunk := await reader.read(CHUNK):
                if self._word in chunk and self._times > 0:
                    break
                ours.write(chunk)
                await ours.drain()
            if chunk:
                self._times -= 1
                self.cuts += 1
                answers.cancel()
                await asyncio.wait({answers})
                if self._lost is Lost.ANSWER:
                    ours.write(chunk)
                    await theirs.read(CHUNK)
        except ConnectionError:  # the client was first to give up
            pass
        finally:
            answers.cancel()
            ours.close()
            writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()


@asynccontextmanager
async def open_proxy(mongo_url: str) -> AsyncIterator[tuple[CuttingProxy, str]]:
    """The proxy, and a URL of the same database that leads through it."""
    parts = urlsplit(mongo_url)
    proxy = CuttingProxy(parts.hostname or "", parts.port or 27017)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield proxy, f"mongodb://127.0.0.1:{port}{parts.path}?directConnection=true"
    finally:
        server.close()
