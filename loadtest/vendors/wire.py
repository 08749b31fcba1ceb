"""
One HTTP exchange, as close to the socket as a simulated vendor needs: raw ASGI, and a way to cut the line.

ASGI has no word for "close without an answer", nor for when a request came. `CuttingProtocol` (uvicorn's own, a
little more) puts its transport's `abort` and the moment into `scope["extensions"]`, where the specification
leaves room for what a server can do beyond it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from loadtest.vendors.webhook_plans import WebhookPlan

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_CUT = "gateway.cut"
_ARRIVED = "gateway.arrived"
_HIGHEST_BODY = 16 * 1024 * 1024  # a batch of the gateway's own is no larger


class TooLarge(Exception):
    """The request's body is over what any simulated vendor takes."""


class CuttingProtocol(HttpToolsProtocol):
    """
    HTTP/1.1 whose application may cut the connection, before any byte of an answer too.

    It stamps each request when its first bytes are read off the socket.
    """

    def on_message_begin(self) -> None:
        super().on_message_begin()
        # Before anything of ours runs: a busy loop must not make calls look closer together, or farther apart.
        arrived: dict[object, object] = {"at": time.time(), "at_monotonic": time.monotonic()}
        self.scope["extensions"] = {_CUT: {"abort": self.transport.abort}, _ARRIVED: arrived}

    def shutdown(self) -> None:
        """A vendor that stops leaves nobody hanging: calls still open are cut, not waited for."""
        super().shutdown()
        if not self.transport.is_closing():
            self.transport.abort()


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: dict[bytes, bytes]
    body: bytes

    def header(self, name: bytes) -> str | None:
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


@dataclass(frozen=True, slots=True)
class Reply:
    """
    An answer. `acted` says that the vendor did something for it, which must not happen twice for one key.

    `later` begins what an async vendor does afterwards; it answers what the answer itself must wait for, if anything.
    """

    body: bytes
    status: int = 200
    content_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    acted: bool = False
    later: Callable[[Sequence[WebhookPlan]], asyncio.Event | None] | None = None


class Exchange:
    """One request and its answer: what is `due` to a well-treated caller, and what was `answered` in fact."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.due = Reply(b"")
        self.answered: int | str | None = None  # the status, or how it ended without one
        self.at: float = scope["extensions"][_ARRIVED]["at"]  # Unix time
        self.at_monotonic: float = scope["extensions"][_ARRIVED]["at_monotonic"]
        self._abort: Callable[[], None] = scope["extensions"][_CUT]["abort"]
        self._receive = receive
        self._send = send

    async def read(self) -> Request:
        """The whole request. Raises `TooLarge`."""
        message = await self._receive()
        body: bytes = message.get("body", b"")
        while message.get("more_body", False):
            if len(body) > _HIGHEST_BODY:
                raise TooLarge
            message = await self._receive()
            body += message.get("body", b"")
        return Request(self.method, self.path, self.headers, body)

    async def answer(self, reply: Reply) -> None:
        await self.begin(reply, length=len(reply.body))
        await self.go_on(reply.body, more=False)

    async def begin(self, reply: Reply, length: int | None) -> None:
        """Send the status and headers of `reply`; its body follows. Without `length` it is sent in chunks."""
        headers = [(b"content-type", reply.content_type), *reply.headers]
        if length is not None:
            headers.append((b"content-length", b"%d" % length))
        self.answered = reply.status
        await self._send({"type": "http.response.start", "status": reply.status, "headers": headers})

    async def go_on(self, piece: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": piece, "more_body": more})

    async def stream(self, reply: Reply, pieces: AsyncIterator[bytes], length: int | None) -> None:
        await self.begin(reply, length)
        async for piece in pieces:
            await self.go_on(piece, more=True)
        await self.go_on(b"", more=False)

    async def cut(self) -> None:
        """Close the connection now; what was not sent yet is never sent."""
        self.answered = "cut"
        self._abort()
        await self.wait_until_gone()

    async def wait_until_gone(self) -> None:
        """Return when the client has hung up, after `read`."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def pause(self, seconds: float) -> bool:
        """Wait; True when the client is still there after it."""
        try:
            await asyncio.wait_for(self.wait_until_gone(), seconds)
        except TimeoutError:
            return True
        self.answered = self.answered or "client gone"
        return False
