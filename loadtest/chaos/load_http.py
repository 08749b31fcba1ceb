"""The HTTP client of the load: any API process, answers and broken connections as values, all of them counted."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec

from loadtest.chaos.load_orders import ADMIN

_TIMEOUT_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` is a word where no answer came: "refused", "reset" or "timeout"."""

    status: int | str
    body: bytes
    retry_after: float | None
    began: float
    at: float

    @property
    def is_success(self) -> bool:
        return isinstance(self.status, int) and 200 <= self.status < 300

    @property
    def is_worth_repeating(self) -> bool:
        return not isinstance(self.status, int) or self.status >= 500 or self.status in {408, 409, 425, 429}

    def json(self) -> Any:
        """Raises `msgspec.DecodeError`."""
        return msgspec.json.decode(self.body)


class Clients:
    """Asks one API process after the other. `counts`: by method, route and status."""

    def __init__(self, urls: Sequence[str], admin_key: str | None) -> None:
        self.counts: Counter[str] = Counter()
        self._urls = cycle(urls)
        self._admin = {} if admin_key is None else {"Authorization": f"Bearer {admin_key}"}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
        self._session = aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(
        self, route: str, path: str, client: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        return await self._ask("POST", route, path, client, body, headers or {})

    async def get(self, route: str, path: str, client: str) -> Answer:
        return await self._ask("GET", route, path, client, None, {})

    async def _ask(  # noqa: PLR0913, PLR0917 - all of one request
        self, method: str, route: str, path: str, client: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        assert self._session is not None  # noqa: S101 - it is used inside `async with`
        began = time.monotonic()
        sent = {"Content-Type": "application/json", **(self._admin if client == ADMIN else {}), **headers}
        status: int | str
        text, retry_after = b"", None
        try:
            async with self._session.request(method, next(self._urls) + path, data=body, headers=sent) as reply:
                text, status = await reply.read(), reply.status
                retry_after = _seconds(reply.headers.get("Retry-After"))
        except aiohttp.ClientConnectorError:
            status = "refused"
        except TimeoutError:
            status = "timeout"
        except (aiohttp.ClientError, OSError):
            status = "reset"
        self.counts[f"{method} {route} {status}"] += 1
        return Answer(status, text, retry_after, began, time.monotonic())


async def pause(answer: Answer, otherwise: float) -> None:
    """What the gateway asked for, within reason: a run has an end."""
    await asyncio.sleep(min(answer.retry_after if answer.retry_after is not None else otherwise, 5.0))


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdecimal() else None
