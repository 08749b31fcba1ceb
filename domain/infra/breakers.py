"""
The fleet's circuit breakers on Redis: one script, `lua/breaker.lua`, by Redis' clock.

It costs a healthy call nothing but a note: what went well is told along with the next failure, or twice a second, and
that a breaker is closed is believed for half a second. So Redis is asked when there is trouble. A breaker guards, it is
not the truth: while Redis is away, calls are admitted.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

import structlog

from domain.breakers import SLICES, USUAL, Admission, BreakerLook, BreakerRules, BreakerState, CallOutcome, spread_of
from domain.errors import Unavailable
from domain.infra.background import in_background
from domain.infra.batching import Batcher
from domain.infra.queue import OPENED, WAKE_CHANNEL
from domain.infra.redis import REDIS_FAULTS, RedisClient
from domain.infra.scripts import load_script
from domain.infra.ticks import moment_of, seconds_since_boot
from domain.infra.vendor_keys import key_of_breaker

PROBE_MARGIN = timedelta(seconds=5)  # a probe is waited for as long as its call may last, and so much longer
FRESH_SECONDS = 0.5  # less than the shortest opening by far: whoever believed "closed" before it asks anew after it
TELL_SECONDS = 0.5
PATIENCE_SECONDS = 0.5  # of one question, while Redis hangs
AWAY_SECONDS = 1.0  # for which nothing is asked after that
LARGEST_BATCH = 500
MOST_KNOWN = 1_000
CLOSED, OPEN, HALF_OPEN, PROBE = range(4)  # as the script counts them

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Entry:
    """One question or word. `before` is how many calls went well before it."""

    key: str
    what: str
    token: str = ""
    lease_ms: int = 0  # of a probe
    age_ms: int = 0  # of the call
    before: int = 0


@dataclass(frozen=True, slots=True)
class _Reply:
    state: int
    barred_until: datetime | None
    left_seconds: float  # until then
    row: int
    at: float  # on this machine's clock


class RedisBreakers:
    """A `domain.balancing.ports.Breakers` for one process, by `open_breakers`."""

    def __init__(self, redis: RedisClient, rules: BreakerRules, probe_margin: timedelta = PROBE_MARGIN) -> None:
        self._script = load_script(redis, "breaker", "clock", "circuit")
        numbers = (
            rules.in_a_row,
            rules.percent,
            rules.at_least,
            rules.slice_ms,
            SLICES,
            rules.first_ms,
            rules.longest_ms,
        )
        self._head: tuple[str | int, ...] = (WAKE_CHANNEL, OPENED, *numbers)
        self._margin = probe_margin
        self._ok: Counter[str] = Counter()  # not told yet
        self._any_ok = asyncio.Event()
        self._known: dict[str, _Reply] = {}
        self._away_until = 0.0
        self.unasked = 0  # calls that went by without a word of Redis, which was away
        self.entries: Batcher[_Entry, _Reply] = Batcher(
            self._ask, largest=LARGEST_BATCH, patience_seconds=PATIENCE_SECONDS
        )

    async def admit(self, key: str, lasts: timedelta) -> Admission:
        """Whether a call to what `key` names, which takes no longer than it `lasts`, may be made now."""
        known, asked_at = self._known.get(key), seconds_since_boot()
        if known is not None and (answer := _remembered(known, asked_at)) is not None:
            return answer
        token = uuid4().hex
        reply = await self._put(_Entry(key, "admit", token, lease_ms=_ms((lasts + self._margin).total_seconds())))
        if reply is None or reply.state == CLOSED:
            return Admission(allowed=True, asked_at=asked_at)
        if reply.state == PROBE:
            return Admission(allowed=True, probe=True, token=token, asked_at=asked_at)
        return Admission(allowed=False, until=reply.barred_until if reply.state == OPEN else None)

    async def report(self, key: str, admission: Admission, outcome: CallOutcome) -> None:
        """Say what an admitted call came to, whatever that was: a probe that nobody speaks of is waited for."""
        await self.tell(key, outcome, admission.token if admission.probe else "", admission.asked_at)

    async def tell(self, key: str, outcome: CallOutcome, token: str = "", since: float = 0.0) -> datetime | None:
        """
        The same of a call that is a probe by its token, or none, and counts since then on this machine's clock
        (0: since now). Answers until when the breaker is open now.
        """
        if not token and outcome is not CallOutcome.FAILED:
            if outcome is CallOutcome.OK:
                self._ok[key] += 1
                self._any_ok.set()
            return None
        age_ms = _ms(seconds_since_boot() - since) if since else 0
        reply = await self._put(_Entry(key, outcome.value, token, age_ms=age_ms))
        return reply.barred_until if reply is not None and reply.state == OPEN else None

    async def looks(self, keys: Sequence[str]) -> list[BreakerLook]:
        """How breakers stand just now. Of a Redis that is away nothing is known, so they look closed."""
        replies = await asyncio.gather(*(self._put(_Entry(key, "look")) for key in keys))
        return [_look(reply) for reply in replies]

    async def tell_for_ever(self) -> None:
        """Tell Redis what went well, in the background."""
        while True:
            await self._any_ok.wait()
            await asyncio.sleep(TELL_SECONDS)
            self._any_ok.clear()
            await asyncio.gather(*(self._put(_Entry(key, "look")) for key in [*self._ok]))

    async def _put(self, entry: _Entry) -> _Reply | None:
        """Ask Redis, and tell it what went well before; or go without it: None."""
        entry = replace(entry, before=self._ok.pop(entry.key, 0))
        if seconds_since_boot() < self._away_until:
            self.unasked += 1
            return None
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                reply = await self.entries.submit(entry)
        except (Unavailable, *REDIS_FAULTS) as fault:
            self._go_without(fault)
            return None
        if self._away_until:
            self._away_until = 0.0
            log.info("circuit breakers are asked again", calls_without=self.unasked)
        return reply

    def _go_without(self, fault: Exception) -> None:
        if not self._away_until:
            log.warning(
                "circuit breakers cannot be asked; calls are admitted", fault=str(fault) or type(fault).__name__
            )
        self._away_until = seconds_since_boot() + AWAY_SECONDS
        self.unasked += 1

    async def _ask(self, entries: Sequence[_Entry]) -> Sequence[_Reply]:
        args = [*self._head]
        for entry in entries:
            args += (entry.before, entry.what, entry.token, entry.lease_ms, entry.age_ms)
            args += (spread_of(entry.key), entry.key)
        now, *flat = await self._script(keys=[key_of_breaker(entry.key) for entry in entries], args=args)
        heard = seconds_since_boot()
        if len(self._known) > MOST_KNOWN:  # of instances that have gone
            self._known.clear()
        replies = []
        for entry, state, barred, row in zip(entries, flat[::3], flat[1::3], flat[2::3], strict=True):
            until = moment_of(barred * 1000) if barred else None
            reply = _Reply(state, until, (barred - now) / 1000 if barred else 0.0, row, heard)
            _log_change(entry.key, self._known.get(entry.key), reply)
            self._known[entry.key] = reply
            replies.append(reply)
        return replies


@asynccontextmanager
async def open_breakers(
    redis: RedisClient, rules: BreakerRules = USUAL, *, probe_margin: timedelta = PROBE_MARGIN
) -> AsyncIterator[RedisBreakers]:
    breakers = RedisBreakers(redis, rules, probe_margin)
    async with breakers.entries, in_background(breakers.tell_for_ever()):
        yield breakers


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _remembered(known: _Reply, now: float) -> Admission | None:
    """What needs no question: it was closed a moment ago, or is open for longer. Who may be the probe must ask."""
    age = now - known.at
    if known.state == CLOSED and age < FRESH_SECONDS:
        return Admission(allowed=True, asked_at=now)
    if known.state == OPEN and age < known.left_seconds:
        return Admission(allowed=False, until=known.barred_until)
    return None


def _log_change(key: str, before: _Reply | None, reply: _Reply) -> None:
    """For people: a vendor's opening is seen in what its jobs say, an instance's nowhere else."""
    was = CLOSED if before is None else before.state
    if reply.state == OPEN and was != OPEN:
        log.warning("a circuit breaker is open", breaker=key, until=str(reply.barred_until), failures=reply.row)
    elif reply.state == CLOSED and was != CLOSED:
        log.info("a circuit breaker is closed", breaker=key)


def _look(reply: _Reply | None) -> BreakerLook:
    if reply is None or reply.state == CLOSED:
        return BreakerLook(failures=0 if reply is None else reply.row)
    if reply.state == OPEN:
        return BreakerLook(BreakerState.OPEN, reply.barred_until, reply.row)
    return BreakerLook(BreakerState.HALF_OPEN, None, reply.row)
