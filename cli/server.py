"""uvicorn, made to tell its streams that it stops: each would hold it up until its patience ends."""

import asyncio
import socket

import uvicorn


class StoppingServer(uvicorn.Server):
    """Sets `stopping` before it waits for the requests that are under way."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping.set()
        await super().shutdown(sockets)
