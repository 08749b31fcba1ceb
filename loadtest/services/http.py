"""HTTP/1.1 by hand: an instance can say less than it promised, more, or nothing, which no server would let it."""

import asyncio
from dataclasses import dataclass

_PIECE = 64 * 1024
LARGEST_HEAD = 64 * 1024


@dataclass(frozen=True, slots=True)
class Asked:
    """A request whose body was read and thrown away."""

    method: str
    target: str
    headers: dict[str, str]
    body_bytes: int

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


async def read_request(reader: asyncio.StreamReader) -> Asked | None:
    """None when the connection has ended."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        pairs = (line.partition(":") for line in lines if line)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        size = await _read_body(reader, headers)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
        return None
    return Asked(method, target, headers, size)


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> int:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await _drop(reader, int(headers.get("content-length", "0")))
    whole = 0
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        whole += await _drop(reader, size)
        await reader.readuntil(b"\r\n")
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers
    return whole


async def _drop(reader: asyncio.StreamReader, size: int) -> int:
    left = size
    while left:
        piece = await reader.read(min(left, _PIECE))
        if not piece:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(piece)
    return size


def head(status: int, length: int, *lines: str) -> bytes:
    told = (f"HTTP/1.1 {status} X", "content-type: application/json", f"content-length: {length}", *lines, "", "")
    return "\r\n".join(told).encode()
