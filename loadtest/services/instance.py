"""One instance of a sample service, on a port of its own."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec

from loadtest.services.http import LARGEST_HEAD, Asked, head, read_request
from loadtest.services.wishes import WELL, Wish

_DRIPS = 10
_PIECE = 64 * 1024


class SampleInstance:
    """Answers `/profile`, `/list`, `/echo`, `/bytes/N` and `/health`; `calls` counts what came, but for `/health`."""

    def __init__(self, service: str, number: int, host: str, port: int) -> None:
        self.service = service
        self.name = f"{service}-{number}"
        self.wish = WELL
        self.calls = 0
        self._host = host
        self._port = port
        self._left: int | None = None  # of the wish's times
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen, on port 0 on any that is free; nothing where it does already."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, self._host, self._port, limit=LARGEST_HEAD)
            self._port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Be gone: nobody listens, and what was open is cut."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task, writer in self._open.items():
            writer.transport.abort()
            if task is not None:
                task.cancel()

    async def follow(self, wish: Wish) -> None:
        self.wish, self._left = wish, wish.times
        if wish.mode == "dead":
            self.stop()
        else:
            await self.start()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open[asyncio.current_task()] = writer
        try:
            with suppress(ConnectionError, asyncio.CancelledError):  # it was told to be gone
                while (asked := await read_request(reader)) is not None and await self._treat(asked, writer):
                    pass
        finally:
            del self._open[asyncio.current_task()]
            writer.close()

    async def _treat(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection may go on."""
        if asked.path != "/health":
            self.calls += 1
        wish = self._turn()
        if wish.mode == "well" and asked.path.startswith("/bytes/") and asked.path[7:].isdecimal():
            await _send_bytes(int(asked.path[7:]), writer, head_alone=asked.method == "HEAD")
            return True
        if wish.mode == "hang":
            await asyncio.Event().wait()
        if wish.mode == "slow":
            await asyncio.sleep(wish.seconds)
        status, told = (wish.status, {"error": "told to fail"}) if wish.mode == "fail" else self._answer(asked)
        body = msgspec.json.encode(told)
        for piece in _pieces(wish, status, body):
            writer.write(_head_of(piece) if asked.method == "HEAD" else piece)
            await writer.drain()
            if wish.mode == "drip":
                await asyncio.sleep(wish.seconds / _DRIPS)
        return wish.mode not in {"drop", "cut", "rubbish"}

    def _turn(self) -> Wish:
        wish = self.wish
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                self.wish, self._left = WELL, None
        return wish

    def _answer(self, asked: Asked) -> tuple[int, dict[str, Any]]:
        told = {"service": self.service, "instance": self.name, "client": asked.headers.get("x-gateway-client")}
        match asked.path:
            case "/health":
                return 200, {"status": "ok", "instance": self.name}
            case "/profile":
                return 200, {**told, "profile": {"name": "Ada Example"}}
            case "/list":
                return 200, {**told, "products": [{"id": 1, "name": "mug"}, {"id": 2, "name": "lamp"}]}
            case "/echo":
                seen = {"method": asked.method, "target": asked.target, "headers": asked.headers}
                return 200, {**told, **seen, "body_bytes": asked.body_bytes}
        return 404, {**told, "error": "there is no such thing here"}


def _head_of(piece: bytes) -> bytes:
    return piece[: piece.index(b"\r\n\r\n") + 4] if piece.startswith(b"HTTP/") else b""


async def _send_bytes(size: int, writer: asyncio.StreamWriter, *, head_alone: bool) -> None:
    writer.write(head(200, size))
    if head_alone:
        return
    for left in range(size, 0, -_PIECE):
        writer.write(bytes(min(left, _PIECE)))
        await writer.drain()


def _pieces(wish: Wish, status: int, body: bytes) -> Iterator[bytes]:
    match wish.mode:
        case "drop":
            return
        case "rubbish":
            yield b"this is no HTTP\r\n\r\n"
        case "cut":
            yield head(status, len(body))
            yield body[: len(body) // 2]
        case "long":
            yield head(status, len(body)) + body + b"HTTP/1.1 200 X\r\ncontent-length: 6\r\n\r\nstolen"
        case "drip":
            yield head(status, len(body))
            size = -(-len(body) // (_DRIPS - 1))
            yield from (body[start : start + size] for start in range(0, len(body), size))
        case _:
            yield head(status, len(body)) + body
