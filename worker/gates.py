"""
The gate before a call: it opens at the start that the vendor's limit has given, unless the vendor was shut since.

A call that is late gives its permit up and takes another start: what the vendor sees must not bunch up because
we were slow. It is asked about again immediately before its first byte, when the connection is there. One that left
late all the same is told to Redis at once, so that those after it wait for as much longer: its end may be far off.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from domain.errors import NotNow, Unavailable
from domain.infra.background import in_background
from domain.infra.batching import Batcher
from domain.infra.limiter import Dated, Late, Limiter
from domain.infra.limits import UNLIMITED
from domain.infra.queue import CLOSED, OPENED, PAUSED, Lease
from domain.infra.redis import REDIS_FAULTS
from domain.infra.ticks import moment_of, seconds_since_boot
from domain.infra.vendor_keys import breaker_of
from domain.metrics import LIMITER_MISSED, LIMITER_WAIT_SECONDS
from domain.tallies import Tallies
from worker.clock import FleetClock
from worker.fleet_limits import FleetLimits
from worker.start_room import StartRoom

LONGEST_WAY_MICROS = 40_000  # that a call is taken to have been on its way: a slow answer is not a slow road
LATEST_MICROS = 10_000  # what a vendor's `burst_guard` allows for, besides its own jitter
TRUSTED_SECONDS = 0.2  # how long a word of Redis that the vendor is open is good for; closings are told besides
FURTHEST_MICROS = 200_000  # above the look-ahead of any start
REDIS_AWAY = timedelta(seconds=0.5)
MOST_STARTS = 5  # that one call may miss
LARGEST_BATCH = 500
OPENED_VENDOR = OPENED + breaker_of("")

log = structlog.get_logger()


class Closings:
    """What was said on the wake channel about vendors that nobody may call."""

    def __init__(self) -> None:
        self._shut: dict[str, tuple[float, datetime | None, str]] = {}

    def hear(self, message: str) -> None:
        """Anything but a closing, a pause or the opening of a vendor's breaker is for others."""
        if message.startswith(CLOSED):
            self._shut_until(message.removeprefix(CLOSED), "closed, as the vendor asked")
        elif message.startswith(OPENED_VENDOR):
            self._shut_until(message.removeprefix(OPENED_VENDOR), "its circuit breaker is open")
        elif message.startswith(PAUSED):
            self._shut[message.removeprefix(PAUSED)] = seconds_since_boot(), None, "paused"

    def _shut_until(self, told: str, why: str) -> None:
        vendor, _, until_ms = told.rpartition(":")
        self._shut[vendor] = seconds_since_boot(), moment_of(int(until_ms) * 1000), why

    def refuse(self, vendor: str, asked_at: float, clock: FleetClock) -> None:
        """Raises `NotNow` where the vendor was shut since Redis was asked: what it granted later holds."""
        if vendor not in self._shut:
            return
        heard_at, until, why = self._shut[vendor]
        if heard_at >= asked_at:
            raise NotNow(f"held back: {why}", until=until or clock.now())


@dataclass(frozen=True, slots=True)
class _Again:
    """One call's wish for another start."""

    vendor: str
    late: Late


class Gates:
    """The gates of one worker's calls, by lease; by `open_gates`."""

    def __init__(self, limiter: Limiter, clock: FleetClock, limits: FleetLimits, counts: Tallies | None = None) -> None:
        self.counts = counts or Tallies()
        self.clock = clock
        self.closings = Closings()
        self.room = StartRoom()
        self._limiter = limiter
        self.limits = limits
        self._gates: dict[Lease, LeaseGate] = {}
        self.again: Batcher[_Again, tuple[int, float]] = Batcher(self._reserve, largest=LARGEST_BATCH)
        self._dated: list[Dated] = []
        self._any_dated = asyncio.Event()

    def of(self, lease: Lease) -> "LeaseGate":
        """The gate of a lease: the same one until it is dropped."""
        return self._gates.setdefault(lease, LeaseGate(lease, self))

    def drop(self, lease: Lease) -> tuple[int, int]:
        """Forget a lease's gate; answers its permit, and when its call had arrived at the latest (0: none was made)."""
        gate = self._gates.pop(lease, None)
        self.room.leave(lease)
        return (lease.permit, 0) if gate is None else (gate.permit, gate.arrived_by)

    def date(self, call: Dated) -> None:
        """Have Redis told of a call that is later than its permit says."""
        self._dated.append(call)
        self._any_dated.set()

    async def tell_dates(self) -> None:
        """Tell Redis for ever, of all that came together in one go. While it is away, a lease's return is the net."""
        while True:
            await self._any_dated.wait()
            self._any_dated.clear()
            told, self._dated = self._dated, []
            try:
                await self._limiter.date(told)
            except REDIS_FAULTS as fault:
                log.warning("cannot say that calls left late; redis is away", calls=len(told), fault=str(fault))

    async def reserve_again(self, lease: Lease, permit: int) -> tuple[int, float]:
        """Another start for a late call (µs; 0: at once), and when Redis was asked. Raises `NotNow`."""
        try:
            return await self.again.submit(_Again(lease.vendor, Late(lease.request_id, permit)))
        except (Unavailable, *REDIS_FAULTS):
            raise NotNow("held back: redis is away", until=self.clock.now() + REDIS_AWAY) from None

    async def _reserve(self, wishes: Sequence[_Again]) -> Sequence[tuple[int, float] | Exception]:
        answers: dict[_Again, tuple[int, float] | Exception] = {}
        for vendor in {wish.vendor for wish in wishes}:
            asked = [wish for wish in wishes if wish.vendor == vendor]
            late = [wish.late for wish in asked]
            limits = self.limits.of(vendor) or UNLIMITED
            tick, starts = await self._limiter.reserve_again(vendor, limits, late)
            self.clock.hear(tick)
            for wish, start in zip(asked, starts, strict=True):
                answers[wish] = (start, tick.sent) if isinstance(start, int) else start
        return [answers[wish] for wish in wishes]


@asynccontextmanager
async def open_gates(
    limiter: Limiter, clock: FleetClock, limits: FleetLimits, counts: Tallies | None = None
) -> AsyncIterator[Gates]:
    gates = Gates(limiter, clock, limits, counts)
    async with gates.again, in_background(gates.tell_dates()), in_background(gates.room.measure()):
        yield gates


class LeaseGate:
    """A `domain.vendors.Gate`. The runner waits at it too, before it hands the call to the vendor."""

    __slots__ = ("_answered_at", "_asked_at", "_gates", "_known", "_lease", "_left_at", "_passed", "_permit", "_sent")

    def __init__(self, lease: Lease, gates: Gates) -> None:
        self._lease = lease
        self._gates = gates
        self._permit = lease.permit
        self._asked_at = lease.claimed_at
        self._passed = False
        self._sent = False
        self._left_at = 0
        self._answered_at = 0
        self._known = 0  # the moment that Redis counts it from

    @property
    def may_have_sent(self) -> bool:
        return self._passed or self._sent

    @property
    def permit(self) -> int:
        return self._permit

    @property
    def arrived_by(self) -> int:
        """How long it was on its way is known by the answer only, and an answer may be slow for other reasons."""
        if not self._passed or not self._permit:
            return 0
        left_at = max(self._permit, self._left_at)
        return max(left_at, min(self._answered_at, left_at + LONGEST_WAY_MICROS))

    def note_sent(self) -> None:
        """It leaves now, or has left: on a busy machine that may be long after the gate opened."""
        self._left_at = self._gates.clock.now_micros()
        self._date(self._left_at)

    def note_answer(self) -> None:
        """The call is over: it arrived before now, or never."""
        self._answered_at = self._gates.clock.now_micros()
        self._date(self.arrived_by)

    def _date(self, by: int) -> None:
        if self._passed and self._permit and by - self._known > LATEST_MICROS:
            self._known = by
            self._gates.date(Dated(self._lease.vendor, self._lease.request_id, self._permit, by))

    async def __call__(self) -> None:
        if self._sent:  # a second request of the same call: the permit is used up
            self._permit, self._asked_at = await self._gates.reserve_again(self._lease, 0)
        await self.wait()
        self._sent = True

    async def wait(self) -> None:
        """Return when the call may start, within a few look-aheads. Raises `NotNow`."""
        self._passed, gates, begun = False, self._gates, seconds_since_boot()
        for _ in range(MOST_STARTS):
            if self._permit:
                await self._sleep_until_start()
            gates.closings.refuse(self._lease.vendor, self._asked_at, gates.clock)
            if self._is_time():
                if self._permit and not self._known:  # once a call, which asks here twice
                    gates.counts.observe(LIMITER_WAIT_SECONDS, seconds_since_boot() - begun, self._lease.vendor)
                self._passed, self._known = True, self._permit
                gates.room.leave(self._lease)
                return
            gates.counts.add(LIMITER_MISSED, self._lease.vendor)
            permit, self._permit = self._permit, 0
            self._permit, self._asked_at = await gates.reserve_again(self._lease, permit)
        raise NotNow("held back: this worker is too slow", until=gates.clock.now() + REDIS_AWAY)

    async def _sleep_until_start(self) -> None:
        """Not for long: what lies further ahead than anything is reserved was written by another clock."""
        # uvloop's timers may fire a millisecond early: look again.
        while 0 < (left := self._permit - self._gates.clock.now_micros()) <= FURTHEST_MICROS:  # noqa: ASYNC110
            await asyncio.sleep(left / 1e6)

    def _is_time(self) -> bool:
        """False when the start has gone by, or when Redis said too long ago that the vendor is open."""
        if self._permit and not 0 <= self._gates.clock.now_micros() - self._permit <= LATEST_MICROS:
            return False
        return seconds_since_boot() - self._asked_at <= TRUSTED_SECONDS
