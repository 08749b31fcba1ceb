"""A vendor on a real socket that answers as a test tells it, and remembers what reached it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

OK = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{"done": true}'


@dataclass(frozen=True)
class Received:
    line: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


async def answer_ok(writer: asyncio.StreamWriter) -> None:
    writer.write(OK)


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def stay_silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


def say(data: bytes, *, then_close: bool = False) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        if then_close:
            writer.close()

    return answer


@dataclass
class ScriptedVendor:
    """Gives `answers` one by one, the last of them again and again."""

    answers: list[Answer] = field(default_factory=lambda: [answer_ok])
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    url: str = ""
    reads_bodies: bool = True
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while request := await _read_request(reader, self.reads_bodies):
                self.received.append(request)
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                await answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._tasks.discard(task)

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _read_request(reader: asyncio.StreamReader, reads_body: bool) -> Received | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    line, *fields = head.strip().split("\r\n")
    headers = {name.lower(): value for name, value in (item.split(": ", 1) for item in fields)}
    length = int(headers.get("content-length", "0")) if reads_body else 0
    return Received(line, headers, await reader.readexactly(length))


@asynccontextmanager
async def listening(*answers: Answer, reads_bodies: bool = True) -> AsyncIterator[ScriptedVendor]:
    vendor = ScriptedVendor(list(answers) or [answer_ok], reads_bodies=reads_bodies)
    server = await asyncio.start_server(vendor.serve, "127.0.0.1", 0, backlog=512)
    if not reads_bodies:  # so that an unread body cannot hide in a buffer
        server.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    vendor.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield vendor
    finally:
        server.close()
        await vendor.stop()
        await server.wait_closed()
