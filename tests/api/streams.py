"""An app called as a server calls it: what it sends is seen piece by piece, and its client may leave."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from litestar.types import ASGIApp


@dataclass
class Stream:
    """One request. `event` waits for the next server-sent event; `end` for the end of the answer."""

    sent: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    asked: bool = False

    async def head(self) -> tuple[int, dict[str, str]]:
        message = await self.sent.get()
        return message["status"], {name.decode(): value.decode() for name, value in message["headers"]}

    async def piece(self) -> bytes:
        """The next piece of the body; b"" is its end."""
        message = await self.sent.get()
        assert message["more_body"] or not message["body"]
        return bytes(message["body"])

    async def pieces(self) -> AsyncIterator[bytes]:
        """The rest of the body."""
        while piece := await self.piece():
            yield piece

    async def event(self) -> dict[str, str]:
        """The next event, by field; lines of data are put together as a browser does."""
        return parse_event((await self.piece()).decode())

    def leave(self) -> None:
        """What a client does that closes the connection."""
        self.left.set()

    async def receive(self) -> Any:
        if not self.asked:
            self.asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.left.wait()
        return {"type": "http.disconnect"}


def parse_event(text: str) -> dict[str, str]:
    assert text.endswith("\n\n")
    fields: dict[str, list[str]] = {}
    for line in text[:-2].split("\n"):
        name, _, value = line.partition(": ")
        fields.setdefault(name, []).append(value)
    return {name: "\n".join(values) for name, values in fields.items()}


@asynccontextmanager
async def opened(app: ASGIApp, path: str, headers: dict[str, str]) -> AsyncIterator[Stream]:
    """A GET of the path by the client `acme`; given up when the block ends."""
    stream = Stream()
    path, _, query = path.partition("?")
    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "extensions": {},
        "state": {},
    }

    async def run() -> None:
        await app(scope, stream.receive, stream.sent.put)
        stream.left.set()

    task = asyncio.create_task(run())
    try:
        yield stream
    finally:
        stream.leave()
        async with asyncio.timeout(2):
            await task
