"""
What a worker asks about a vendor's limits besides the claim: another start for a call that is late, that the next
ones wait for one that left late all the same, and the permits back that Redis forgot.

The rule itself stands in `permits.lua`, which the claim shares.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from domain.errors import NotNow
from domain.infra.limits import LOOK_AHEAD_MICROS, CallLimits
from domain.infra.redis import RedisClient
from domain.infra.scripts import load_script
from domain.infra.ticks import Tick, moment_of, seconds_since_boot
from domain.infra.vendor_keys import grants_key, keys_of_calls, limiter_key, paused_key, running_key

CIRCUIT = "circuit"  # how the scripts say that a breaker is not closed
OUTLASTS_MS = 1_000  # what permits are kept for beyond the time in which they count


@dataclass(frozen=True, slots=True)
class Late:
    """A call that was not sent at its time. `permit` is the start that it gives up, 0 when it has none."""

    request_id: str
    permit: int


@dataclass(frozen=True, slots=True)
class Dated:
    """A call that had left, or arrived, by `by` (µs): later than its permit's start says."""

    vendor: str
    request_id: str
    permit: int
    by: int


@dataclass(frozen=True, slots=True)
class Restored:
    """What MongoDB has of a vendor: when calls started (µs, one for each unit of their cost), which are under way."""

    starts: Sequence[int] = ()
    running: Iterable[str] = ()
    paused: bool = False


def why_held(bar: str, limits: CallLimits) -> str:
    """What the scripts say holds a vendor's calls back, for people."""
    name, _, number = bar.partition(" ")
    if name == "window":
        return f"its limit of {limits.windows[int(number) - 1].text}" if number != "0" else "the pace of its limit"
    words = {
        "closed": "closed, as the vendor asked",
        "paused": "paused",
        "behind": "a change of its limits, which this worker is about to hear of",
        CIRCUIT: "its circuit breaker is open",
        "restoring": "its permits are being restored",
        "concurrency": f"its limit of {limits.concurrency} calls at once",
    }
    return words[name]


class Limiter:
    """The permits of all vendors on one Redis."""

    def __init__(self, redis: RedisClient, *, lease: timedelta) -> None:
        self._lease_ms = round(lease.total_seconds() * 1000)
        self._reserve = load_script(redis, "reserve", "clock", "permits", "marker", "circuit")
        self._date = load_script(redis, "date", "permits")
        self._restore = load_script(redis, "restore", "clock")

    async def reserve_again(
        self, vendor: str, limits: CallLimits, late: Sequence[Late]
    ) -> tuple[Tick, list[int | NotNow]]:
        """For each call the µs at which it may start (0: at once), or why it may not. Its old permit is gone."""
        args: list[str | int] = [self._lease_ms, *limits.args]
        for call in late:
            args += (call.request_id, call.permit)
        sent = seconds_since_boot()
        now, *flat = await self._reserve(keys=keys_of_calls(vendor), args=args)
        answers = [_answer(name.decode(), moment, limits) for name, moment in zip(flat[::2], flat[1::2], strict=True)]
        return Tick(now, sent, seconds_since_boot()), answers

    async def date(self, calls: Sequence[Dated]) -> None:
        """Count the windows of these calls' vendors from when they left. Done twice it changes nothing more."""
        args = [part for call in calls for part in (call.request_id, call.permit, call.by)]
        await self._date(keys=[grants_key(call.vendor) for call in calls], args=args)

    async def restore(self, vendor: str, limits: CallLimits, notice: str, was: Restored) -> bool:
        """Put back what was forgotten. False when it is too late for this notice: the next claim tells what to do."""
        keys = [limiter_key(vendor), paused_key(vendor), grants_key(vendor), running_key(vendor)]
        kept_ms = (limits.longest_micros + limits.guard_micros + LOOK_AHEAD_MICROS) // 1000 + OUTLASTS_MS
        marker = f":{limits.kept}:{limits.longest_micros}:{int(limits.concurrency > 0)}"
        starts, running = ",".join(str(start) for start in was.starts), ",".join(was.running)
        args: list[str | int] = [notice, marker, int(was.paused), self._lease_ms, kept_ms, starts, running]
        return bool(await self._restore(keys=keys, args=args))


def _answer(name: str, moment: int, limits: CallLimits) -> int | NotNow:
    if name == "start":
        return moment
    return NotNow(f"held back: {why_held(name, limits)}", until=moment_of(moment))
