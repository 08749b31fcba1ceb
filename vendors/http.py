"""
One HTTP call to a vendor: bytes out, a `Reply` in, or an error of `vendors.errors` that says whether the vendor
may have acted. The only module that speaks HTTP to vendors.

It never retries, follows no redirect, keeps no cookie and reads no proxy from the environment. It drives httpx's
transport interface and not `httpx.AsyncClient`, which keeps cookies, and throws away an answer whose `Location`
it cannot read.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType, TracebackType
from typing import Self
from urllib.parse import quote

import aiohttp
import httpx

from domain.errors import OutcomeUnknown
from domain.vendors import Call
from vendors.errors import (
    NotSent,
    OutOfTime,
    ReplyTooLarge,
    ReplyUnreadable,
    UnknownOutOfTime,
    Unsendable,
    VendorError,
)
from vendors.reading import ACCEPT_ENCODING, read_capped
from vendors.traceparent import child_of
from vendors.transport import OneShotTransport, Progress

_DEFAULTS: Mapping[str, str] = MappingProxyType(  # in small letters, as they are sent
    {
        "accept": "application/json, */*;q=0.5",
        "accept-encoding": ACCEPT_ENCODING,
        "content-type": "application/json",
        "user-agent": "vendor-gateway",
    }
)
_ASIDE_BYTES = 64 * 1024  # a body beside the point, such as a refusal's: no more of it than that is read,
_ASIDE_SECONDS = 1.0  # and only so that the connection can be used again

# Everything that a peer or the network can make a transport raise; ValueError where a library reads what it cannot.
_BROKEN = (httpx.HTTPError, aiohttp.ClientError, OSError, ValueError)

Clock = Callable[[], datetime]

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")


@dataclass(frozen=True, slots=True)
class VendorRequest:
    """What an adapter wants sent; `VendorHttp` adds what every call carries."""

    method: str
    url: httpx.URL
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    head_tells: bool = False  # a success too is told by its head alone, as everything else is
    keyed: bool = True  # False: a question, to a vendor that would answer another one's question by its key


@dataclass(frozen=True, slots=True)
class Reply:
    """
    An answer. Where its head alone tells what it is, the body is what arrived of it, perhaps nothing.

    `received_at` is the fleet's time: what an adapter makes of the answer, such as a deadline, counts from there.
    """

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC))


def is_header(name: str, value: str) -> bool:
    """Whether this can stand in a request: no control characters, so nothing can be smuggled in behind it."""
    return bool(_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value))


def one_piece(text: str) -> str:
    """`text` as one piece of a URL's path or query, whatever characters it has."""
    encoded = quote(text, safe="")
    return encoded if encoded.strip(".") else encoded.replace(".", "%2E")  # "." and ".." would lead elsewhere


class VendorHttp:
    """
    The HTTP client for vendors, one per process: an async context manager that owns the connections.

    `clock` dates the answers. A worker hands in the fleet's: its machine's own may be wrong.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._transport = transport or OneShotTransport()
        self._clock = clock

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._transport.aclose()

    async def send(self, request: VendorRequest, call: Call, *, max_bytes: int) -> Reply:
        """
        Make one call within `call.timeout`, the body included.

        Raises `NotNow` as the call's gate does, with nothing sent; `OutcomeUnknown` when the vendor may
        have acted and no whole answer came, and the errors of `vendors.errors`. An answer that is no
        success, or of which the request says so, is told by its head alone: a body that breaks or does not
        end changes nothing about it.
        """
        progress = Progress(call.gate, call.note_sent)
        outgoing = _outgoing(request, call, progress)
        deadline = asyncio.get_running_loop().time() + call.timeout.total_seconds()
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._transport.handle_async_request(outgoing)
            try:
                body = await _read_body(response, request, max_bytes, deadline)
                return Reply(response.status_code, response.headers, body, self._clock())
            finally:
                await response.aclose()
        except TimeoutError:
            raise _cut_short(progress, f"within {call.timeout.total_seconds():g} s", hurried=call.hurried) from None
        except _BROKEN as error:  # its text and its chain may hold the URL's secrets
            raise _cut_short(progress, f"({type(error.__cause__ or error).__name__})") from None


async def _read_body(response: httpx.Response, request: VendorRequest, max_bytes: int, deadline: float) -> bytes:
    if response.is_success and not request.head_tells:
        async with asyncio.timeout_at(deadline):
            return await read_capped(response, max_bytes)
    return await _read_what_comes(response, min(max_bytes, _ASIDE_BYTES), deadline)


async def _read_what_comes(response: httpx.Response, max_bytes: int, deadline: float) -> bytes:
    soon = asyncio.get_running_loop().time() + _ASIDE_SECONDS
    try:
        async with asyncio.timeout_at(min(soon, deadline)):
            return await read_capped(response, max_bytes)
    except (*_BROKEN, ReplyTooLarge, ReplyUnreadable):
        return b""


def _outgoing(request: VendorRequest, call: Call, progress: Progress) -> httpx.Request:
    if not all(is_header(name, value) for name, value in request.headers.items()):
        raise Unsendable("A header of the call holds a character that HTTP does not allow; nothing was sent.")
    headers = {
        **_DEFAULTS,
        **{name.lower(): value for name, value in request.headers.items()},
        "x-request-id": str(call.request_id),
        "traceparent": child_of(call.traceparent, call.request_id),
    }
    if request.keyed:
        headers["idempotency-key"] = call.idempotency_key
    return httpx.Request(
        request.method, request.url, headers=headers, content=request.body, extensions={"progress": progress}
    )


def _cut_short(progress: Progress, how: str, *, hurried: bool = False) -> VendorError | OutcomeUnknown:
    if progress.sent:
        told = f"The call was sent and no whole answer came back {how}."
        return UnknownOutOfTime(told) if hurried else OutcomeUnknown(told)
    told = f"No connection to the vendor {how}; nothing was sent."
    return OutOfTime(told) if hurried else NotSent(told)
