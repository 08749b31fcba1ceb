"""
Reading a reply's body up to a cap, whatever its length says and however small it was compressed.

gzip is undone here and not by a library's decoder: a few kilobytes may hold gigabytes, and only
zlib's `max_length` stops in the middle of them.
"""

import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

import httpx

from vendors.errors import ReplyTooLarge, ReplyUnreadable

ACCEPT_ENCODING = "gzip"  # all that is understood here
_PACKING = 64 * 1024  # what packing may add to a body; gzip can also go on for ever and hold nothing


class _Identity:
    """A decoder gives at most one byte more than there is room for: enough to know that it is too much."""

    def feed(self, data: bytes, room: int) -> bytes:
        return data[: room + 1]

    @property
    def complete(self) -> bool:
        return True


class _Gzip:
    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)  # 16: gzip's header and checksum, nothing else

    def feed(self, data: bytes, room: int) -> bytes:
        return self._inflate.decompress(data, room + 1)

    @property
    def complete(self) -> bool:
        return self._inflate.eof and not self._inflate.unused_data


async def read_capped(response: httpx.Response, max_bytes: int) -> bytes:
    """
    The body, decoded. Raises `ReplyTooLarge` as soon as it is longer than `max_bytes`, or much longer while
    packed, and reads no further; `ReplyUnreadable` when its encoding is not gzip or is broken.
    """
    decoder = _decoder(response)
    body = bytearray()
    room_on_the_wire = max_bytes + _PACKING
    stream = cast("httpx.AsyncByteStream", response.stream)  # not httpx's iterators, which decode without a bound
    async with aclosing(cast("AsyncGenerator[bytes, None]", aiter(stream))) as chunks:
        async for chunk in chunks:
            room_on_the_wire -= len(chunk)
            try:
                body += decoder.feed(chunk, max_bytes - len(body))
            except zlib.error:
                raise ReplyUnreadable(response.status_code, "The vendor's reply is broken gzip.") from None
            if len(body) > max_bytes or room_on_the_wire < 0:
                raise ReplyTooLarge(response.status_code, max_bytes)
    if body and not decoder.complete:
        raise ReplyUnreadable(response.status_code, "The vendor's reply is gzip that ends too early or too late.")
    return bytes(body)


def _decoder(response: httpx.Response) -> _Identity | _Gzip:
    match response.headers.get("content-encoding", "").strip().lower():
        case "" | "identity":
            return _Identity()
        case "gzip" | "x-gzip":
            return _Gzip()
        case _:
            raise ReplyUnreadable(response.status_code, "The vendor's reply is in an encoding that nobody asked for.")
