"""
Refusals are slow to who is nobody yet: whoever guesses at full speed waits, and takes nothing from those who work.

What is too much, or too much just now, leaves at a pace: a hundred answers a second, where guessing got thousands, each
at the cost of a job. Who comes alone is not held up by it. Pure ASGI, around the limits.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from api.callers import caller_in
from api.limits import COUNTED_BY_ADDRESS
from domain.accounts.pauses import Pause

APART_SECONDS = 0.01  # between two refusals of one process
LONGEST_SECONDS = 2.0  # for which one is held back: less than any client's patience
MOST_AT_ONCE = 1_000  # who comes beyond is told at once: each is a connection and its request, 50 MiB in all
SLOWED = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


class Pace:
    """Lets one go after the other, `APART_SECONDS` from each to the next."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._last = float("-inf")

    async def wait(self) -> None:
        """Until it is one's turn, at once where nobody is before, and never for longer than `LONGEST_SECONDS`."""
        now = self._clock()
        turn = max(now, self._last + APART_SECONDS)
        self._last = min(turn, now + LONGEST_SECONDS)
        await self._sleep(self._last - now)


class Brake:
    def __init__(self, app: ASGIApp, pause: Pause, most: int = MOST_AT_ONCE) -> None:
        self._app = app
        self._pause = pause
        self._most = most
        self._slowed = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        counted = (
            scope["type"] == ScopeType.HTTP
            and (scope["method"], scope["path_template"]) in COUNTED_BY_ADDRESS
            and caller_in(scope) is None
        )
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
