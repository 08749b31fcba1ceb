"""Requests as bytes, for what no client library would send."""

import asyncio
from urllib.parse import urlsplit


async def exchange(url: str, request: bytes) -> int:
    """The status of the answer; the connection is closed after it."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(request)
        await writer.drain()
        return int((await reader.readline()).split()[1])
    finally:
        writer.close()
        await writer.wait_closed()
