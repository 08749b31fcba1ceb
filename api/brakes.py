"""
Refusals are slow to who is nobody yet: whoever guesses at full speed waits, and takes nothing from those who work.

What is too much, or too much just now, is answered after a pause. A hundred connections that guess get a hundred
answers a second so, where they got thousands, each at the cost of a job. It costs a sleeping task; so many sleep at
once and no more, and who comes beyond is told at once. Pure ASGI, around the limits.
"""

import asyncio
from functools import partial
from http import HTTPStatus

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from api.limits import COUNTED_BY_ADDRESS
from domain.accounts.pauses import Pause

PAUSE_SECONDS = 1.0
MOST_AT_ONCE = 1_000  # of one process, each a connection and its request: some 50 MiB
SLOWED = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


async def a_second() -> None:
    await asyncio.sleep(PAUSE_SECONDS)


class Brake:
    def __init__(self, app: ASGIApp, pause: Pause, most: int = MOST_AT_ONCE) -> None:
        self._app = app
        self._pause = pause
        self._most = most
        self._slowed = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        counted = scope["type"] == ScopeType.HTTP and (scope["method"], scope["path_template"]) in COUNTED_BY_ADDRESS
        await self._app(scope, receive, partial(self._send, send) if counted else send)

    async def _send(self, send: Send, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] in SLOWED:
            await self._slow_down()
        await send(message)

    async def _slow_down(self) -> None:
        if self._slowed >= self._most:
            return
        self._slowed += 1
        try:
            await self._pause()
        finally:
            self._slowed -= 1
