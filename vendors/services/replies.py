"""An instance's answer, read as it is wanted."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import aiohttp
import structlog

from domain.breakers import CallOutcome
from domain.errors import BrokenOff, TimedOut
from domain.services import BROKEN_OFF, TIMEOUT, Header
from vendors.services.uploads import Upload

BROKEN = (aiohttp.ClientError, OSError)
_TOO_MANY = 429

_NAME = re.compile(rb"[!#-'*+.0-9A-Z^_`a-z|~-]+")
_VALUE = re.compile(rb"[^\x00-\x08\x0a-\x1f\x7f]*")

Settle = Callable[[CallOutcome], Awaitable[None]]

log = structlog.get_logger()


def is_clean(response: aiohttp.ClientResponse) -> bool:
    """
    Whether its head can be passed on: aiohttp is lenient with what a server says.

    101 is an answer in a protocol that nobody asked for, and so is a coding besides `chunked`.
    """
    codings = [value.strip().lower() for name, value in response.raw_headers if name.lower() == b"transfer-encoding"]
    return (
        200 <= response.status <= 599
        and codings in ([], [b"chunked"])
        and all(_NAME.fullmatch(name) and _VALUE.fullmatch(value) for name, value in response.raw_headers)
    )


def outcome_of(status: int) -> CallOutcome:
    """What an answer of this status says of whom it comes from."""
    if status >= 500:
        return CallOutcome.FAILED
    return CallOutcome.IGNORED if status == _TOO_MANY else CallOutcome.OK


class HttpReply:
    """A `ProxyReply`. What came of the call is told when it is closed: an answer that is cut is no success."""

    def __init__(self, response: aiohttp.ClientResponse, upload: Upload, idle_seconds: float, settle: Settle) -> None:
        self._response = response
        self._upload = upload
        self._idle_seconds = idle_seconds
        self._settle = settle
        self._whole = False
        self._broken = False
        self._closed = False

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> Sequence[Header]:
        return tuple((name.lower(), value) for name, value in self._response.raw_headers)

    async def pieces(self) -> AsyncIterator[bytes]:
        while piece := await self._next():
            yield piece
        self._whole = True

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._whole:
            self._response.release()
        else:
            self._response.close()
        await self._settle(self._outcome())

    async def _next(self) -> bytes:
        """b"" at the end."""
        clock = asyncio.timeout(self._idle_seconds)
        try:
            async with clock:
                return await self._response.content.readany()
        except BROKEN as error:
            self._raise_what_the_body_raised()
            self._broken = True
            if clock.expired():  # aiohttp's own timeouts are errors of the connection too
                raise self._too_slow() from None
            told = f"the service broke off in the middle of its answer ({type(error).__name__})"
            raise BrokenOff(told, code=BROKEN_OFF) from None

    def _raise_what_the_body_raised(self) -> None:
        if self._upload.fault is not None:
            raise self._upload.fault

    def _too_slow(self) -> TimedOut:
        return TimedOut("the service went silent in the middle of its answer", code=TIMEOUT)

    def _outcome(self) -> CallOutcome:
        if self._broken:
            return CallOutcome.FAILED
        outcome = outcome_of(self.status)
        return CallOutcome.IGNORED if outcome is CallOutcome.OK and not self._whole else outcome
