"""
What a vendor can be told to do instead of answering well: one class each, its JSON being its fields.

`{"mode": "slow", "seconds": 2, "times": 3}` is `Slow(seconds=2, times=3)`. `acts` says whether
the vendor does what it was asked although the caller never hears of it: that is what makes
an outcome unknown.
"""

from collections.abc import AsyncIterator
from typing import Annotated, ClassVar, Literal

import msgspec

from loadtest.vendors.webhook_plans import WELL_BEHAVED, WebhookPlan
from loadtest.vendors.wire import Exchange, Reply

Seconds = Annotated[float, msgspec.Meta(ge=0, le=3600)]
Count = Annotated[int, msgspec.Meta(ge=1)]
_PIECE = 64 * 1024


class Behaviour(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="mode"):
    """
    How to treat a call. `times`: how many calls (None: for good); `probability`: of each, drawn from `seed`.

    `webhook`: what an async vendor that acts says afterwards; left out, it is one good webhook.
    """

    acts: ClassVar[bool] = False
    reads: ClassVar[bool] = True

    times: Count | None = None
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    seed: int = 0
    webhook: WebhookPlan | tuple[WebhookPlan, ...] = WELL_BEHAVED

    @property
    def webhooks(self) -> tuple[WebhookPlan, ...]:
        return self.webhook if isinstance(self.webhook, tuple) else (self.webhook,)

    async def play(self, exchange: Exchange) -> None:
        """Treat the call; `exchange.due` is what the vendor would say, empty unless it `acts`."""
        raise NotImplementedError


class Normal(Behaviour, frozen=True, tag="normal"):
    acts = True

    async def play(self, exchange: Exchange) -> None:
        await exchange.answer(exchange.due)


class Slow(Behaviour, frozen=True, tag="slow"):
    """Acts at once, answers late."""

    acts = True
    seconds: Seconds = 1.0

    async def play(self, exchange: Exchange) -> None:
        if await exchange.pause(self.seconds):
            await exchange.answer(exchange.due)


class Throttle(Behaviour, frozen=True, tag="throttle"):
    """Says "not now". `retry_after` is seconds, or text that is sent as it stands (an HTTP date, or nonsense)."""

    status: Literal[429, 503] = 429
    retry_after: int | str | None = None

    async def play(self, exchange: Exchange) -> None:
        said = () if self.retry_after is None else ((b"retry-after", str(self.retry_after).encode()),)
        await exchange.answer(Reply(b'{"error":"too many requests"}', self.status, headers=said))


class Fail(Behaviour, frozen=True, tag="fail"):
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 500

    async def play(self, exchange: Exchange) -> None:
        await exchange.answer(Reply(b'{"error":"told to fail"}', self.status))


class DropBefore(Behaviour, frozen=True, tag="drop_before"):
    """Cuts the line before the body is read."""

    reads = False

    async def play(self, exchange: Exchange) -> None:
        await exchange.cut()


class DropAfter(Behaviour, frozen=True, tag="drop_after"):
    """Acts, then cuts the line without a byte of an answer."""

    acts = True

    async def play(self, exchange: Exchange) -> None:
        await exchange.cut()


class DropMidway(Behaviour, frozen=True, tag="drop_midway"):
    """Acts, promises a whole answer, sends half of it and cuts the line."""

    acts = True

    async def play(self, exchange: Exchange) -> None:
        body = exchange.due.body
        await exchange.begin(exchange.due, len(body))
        await exchange.go_on(body[: len(body) // 2], more=True)
        await exchange.pause(0.05)  # abort throws away what the socket has not taken yet
        await exchange.cut()


class Rubbish(Behaviour, frozen=True, tag="rubbish"):
    """Acts, then answers 200 and `application/json` with what is no JSON."""

    acts = True

    async def play(self, exchange: Exchange) -> None:
        await exchange.answer(Reply(b'{"status": "success", "data": ', 200))


class Text(Behaviour, frozen=True, tag="text"):
    acts = True
    body: str = "Processed, thank you.\n"

    async def play(self, exchange: Exchange) -> None:
        await exchange.answer(Reply(self.body.encode(), content_type=b"text/plain; charset=utf-8"))


class Big(Behaviour, frozen=True, tag="big"):
    """Acts, then streams a JSON string of `size` bytes; `declared` says so beforehand by Content-Length."""

    acts = True
    size: Annotated[int, msgspec.Meta(ge=2, le=1024**3)] = 50 * 1024 * 1024
    declared: bool = False

    async def play(self, exchange: Exchange) -> None:
        await exchange.stream(Reply(b""), self._pieces(), self.size if self.declared else None)

    async def _pieces(self) -> AsyncIterator[bytes]:
        yield b'"'
        for left in range(self.size - 2, 0, -_PIECE):
            yield b"x" * min(left, _PIECE)
        yield b'"'


class Redirect(Behaviour, frozen=True, tag="redirect"):
    status: Literal[301, 302, 303, 307, 308] = 302
    location: str = "/elsewhere"

    async def play(self, exchange: Exchange) -> None:
        await exchange.answer(Reply(b"{}", self.status, headers=((b"location", self.location.encode()),)))


class SlowBody(Behaviour, frozen=True, tag="slow_body"):
    """Acts, sends the headers at once and the body in drips over `seconds`."""

    acts = True
    seconds: Seconds = 5.0
    drips: Count = 20

    async def play(self, exchange: Exchange) -> None:
        body = exchange.due.body
        await exchange.begin(exchange.due, len(body))
        size = -(-len(body) // self.drips)
        for start in range(0, len(body), size):
            if not await exchange.pause(self.seconds / self.drips):
                return
            await exchange.go_on(body[start : start + size], more=True)
        await exchange.go_on(b"", more=False)


class Hang(Behaviour, frozen=True, tag="hang"):
    """Reads the request and says nothing until the caller hangs up."""

    async def play(self, exchange: Exchange) -> None:
        await exchange.wait_until_gone()
        exchange.answered = "client gone"


AnyBehaviour = (
    Normal
    | Slow
    | Throttle
    | Fail
    | DropBefore
    | DropAfter
    | DropMidway
    | Rubbish
    | Text
    | Big
    | Redirect
    | SlowBody
    | Hang
)
