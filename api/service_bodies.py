"""A request's body as it comes, and whether its client is still there."""

import asyncio
from collections.abc import AsyncIterator

from litestar.types import Receive, Scope

from domain.edge.bodies import too_large
from domain.errors import BadSyntax, FieldError
from domain.services import ClientGone


class Incoming:
    """
    The pieces of a body, read when they are asked for and no sooner. Raises `ClientGone` and `TooLarge`.

    `left` is for somebody else to wait for: it looks for the client's end once the body is over, since until then
    whoever reads that sees it.
    """

    def __init__(self, receive: Receive, length: int | None, largest: int | None) -> None:
        self._receive = receive
        self._room = largest
        self._largest = largest
        self._read = asyncio.Event()
        self._gone = False
        if length == 0:
            self._read.set()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while not self._read.is_set():
            message = await self._receive()
            if message["type"] != "http.request":
                self._gone = True
                self._read.set()
                raise ClientGone
            piece: bytes = message.get("body", b"")
            if not message.get("more_body", False):
                self._read.set()
            self._take(len(piece))
            if piece:
                return piece
        raise StopAsyncIteration

    async def left(self) -> None:
        await self._read.wait()
        while not self._gone:
            self._gone = (await self._receive())["type"] != "http.request"

    def _take(self, size: int) -> None:
        if self._room is None or self._largest is None:
            return
        self._room -= size
        if self._room < 0:
            raise too_large(self._largest)


def length_of(scope: Scope) -> int | None:
    """
    Of the body: 0 where there is none, None where only its end tells.

    Raises `BadSyntax` for what two programs could frame differently (RFC 9112, section 6.3): one of them would take a
    part of this request for another.
    """
    codings = [value.strip().lower() for name, value in scope["headers"] if name == b"transfer-encoding"]
    lengths = [value.strip() for name, value in scope["headers"] if name == b"content-length"]
    if codings:
        if codings != [b"chunked"] or lengths:
            raise _unclear("/headers/Transfer-Encoding", "must be `chunked` alone, and then without Content-Length")
        return None
    if not lengths:
        return 0
    if len(lengths) > 1 or not (lengths[0].isdigit() and len(lengths[0]) < 20):
        raise _unclear("/headers/Content-Length", "must be one number")
    return int(lengths[0])


def _unclear(pointer: str, what: str) -> BadSyntax:
    return BadSyntax(f"{pointer.rpartition('/')[2]} {what}", errors=(FieldError(pointer, what),))
