"""
What the simulated Stripe can be told to do instead of answering well, besides what every simulated vendor can.

A fault of Stripe's own says `when`: `before` anything began (nothing is done, nothing kept for the key), once it
`began` (nothing is done, and the failure is what the key gives from now on), or `after` it was done (likewise, and
the caller never hears of it).
"""

from typing import Annotated, Literal

import msgspec

from loadtest.stripe.refusals import Refusal, lock_timeout, rate_limited, trouble
from loadtest.vendors import misbehaviour
from loadtest.vendors.misbehaviour import Behaviour
from loadtest.vendors.script import pick
from loadtest.vendors.wire import Exchange

When = Literal["before", "began", "after"]


class StripeFault(Behaviour, frozen=True):
    when: When = "before"

    @property
    def refusal(self) -> Refusal:
        raise NotImplementedError

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        return ()

    async def play(self, exchange: Exchange) -> None:
        await exchange.answer(exchange.due)


class ApiError(StripeFault, frozen=True, tag="api_error"):
    status: Annotated[int, msgspec.Meta(ge=500, le=599)] = 500

    @property
    def refusal(self) -> Refusal:
        return trouble(self.status)


class RateLimited(StripeFault, frozen=True, tag="rate_limit"):
    """429, always before anything begins."""

    when: Literal["before"] = "before"
    retry_after: int | None = None

    @property
    def refusal(self) -> Refusal:
        return rate_limited()

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        return () if self.retry_after is None else ((b"retry-after", str(self.retry_after).encode()),)


class LockTimeout(StripeFault, frozen=True, tag="lock_timeout"):
    """Somebody else works on the same object. Stripe documents 429; clients of it look for 409 too."""

    status: Literal[409, 429] = 429

    @property
    def refusal(self) -> Refusal:
        return lock_timeout(self.status)


AnyFault = (
    misbehaviour.Normal
    | misbehaviour.Slow
    | misbehaviour.DropBefore
    | misbehaviour.DropAfter
    | misbehaviour.DropMidway
    | misbehaviour.Rubbish
    | misbehaviour.SlowBody
    | misbehaviour.Hang
    | ApiError
    | RateLimited
    | LockTimeout
)


def read_script(body: bytes) -> tuple[Behaviour, ...]:
    """One fault or a list of them, played in order. Raises `msgspec.ValidationError` or `DecodeError`."""
    script = msgspec.json.decode(body, type=AnyFault | list[AnyFault])
    return tuple(script) if isinstance(script, list) else (script,)


class Script:
    """The faults for some operations, and how many calls they have had."""

    def __init__(self, faults: tuple[Behaviour, ...]) -> None:
        self.faults = faults
        self._calls = 0

    def next(self) -> Behaviour:
        self._calls += 1
        return pick(self.faults, self._calls - 1)
