"""
Circuit breakers: whoever is in trouble is left alone for a while by the whole fleet, and then tried by one call.

    closed ──5 failures in a row, or half of at least 20 calls in 30 s──► open ──its time is over──► half open
      ▲                                                                    ▲                             │
      │                                                                    └─twice as long─ failed ──────┤ one probe
      └───────────────────────────────────────────────────────────────────────────────────── ok ─────────┘

What is true of a breaker stands in Redis: `infra/lua/breaker.lua`. The functions here are the same rules, to be read
and to be compared with; times are milliseconds of one clock. Source: Michael Nygard, "Release It!", 2007, section 5.2.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from zlib import crc32

SLICES = 30  # of the window, a second each: what is counted is forgotten a slice at a time


class CallOutcome(StrEnum):
    """What a call says of whom it was made to."""

    OK = "ok"  # it answered, were it with a no
    FAILED = "failed"  # no connection, no answer in time, 5xx, rubbish
    IGNORED = "ignored"  # it says nothing: not sent, cut by us, 429


class BreakerState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Admission:
    """
    Whether a call may be made; `report` wants it back. A `probe` is the one call that a half-open breaker lets through.

    `until` is when it is worth asking again, where that is known. `token` is what the probe is known by, `asked_at`
    from when the call counts, on the clock of the machine that asked (0: from when its end is told).
    """

    allowed: bool
    probe: bool = False
    until: datetime | None = None
    token: str = ""
    asked_at: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class BreakerLook:
    """How a breaker stands. `failures` are those in a row."""

    state: BreakerState = BreakerState.CLOSED
    until: datetime | None = None  # an opening's end
    failures: int = 0


UNTRIED = BreakerLook()


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When one opens, and for how long: doubling with every probe that failed, ±20 % by its key."""

    in_a_row: int = 5
    percent: int = 50
    at_least: int = 20
    window_ms: int = 30_000
    first_ms: int = 5_000
    longest_ms: int = 300_000

    @property
    def slice_ms(self) -> int:
        return self.window_ms // SLICES

    def opening_ms(self, number: int, spread: int) -> int:
        """How long the opening of this number lasts."""
        return min(self.first_ms << min(number - 1, 32), self.longest_ms) * spread // 1000


USUAL = BreakerRules()
# People wait for services: an outage is not to last for minutes more because of us.
OF_SERVICES = replace(USUAL, longest_ms=30_000)


def spread_of(key: str) -> int:
    """Per mille of an opening's length: those that fail together are not all tried again at one moment."""
    return 800 + crc32(key.encode()) % 401


@dataclass(frozen=True, slots=True)
class Slice:
    """What calls came to within one slice of time."""

    number: int
    ok: int
    failed: int


@dataclass(frozen=True, slots=True)
class Breaker:
    """One breaker. It is closed where `openings` is 0: they are counted in a row."""

    row: int = 0
    window: tuple[Slice, ...] = ()
    openings: int = 0
    until: int = 0
    probe: str = ""
    probe_until: int = 0  # after that it counts as dead, with whoever made it
    closed_at: int = 0  # by a probe; calls that began before that say nothing of how it is now

    def state(self, now: int) -> BreakerState:
        if not self.openings:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self.until > now else BreakerState.HALF_OPEN


def admitted(breaker: Breaker, token: str, lease_ms: int, now: int) -> tuple[Breaker, bool]:
    """Whether a call may be made; of a half-open breaker it is then the probe, known by its token."""
    match breaker.state(now):
        case BreakerState.CLOSED:
            return breaker, True
        case BreakerState.HALF_OPEN if not breaker.probe or breaker.probe_until <= now:
            return replace(breaker, probe=token, probe_until=now + lease_ms), True
        case _:
            return breaker, False


def reported(  # noqa: PLR0913 - what is told, and by which rules
    breaker: Breaker,
    outcome: CallOutcome,
    rules: BreakerRules,
    *,
    spread: int,
    now: int,
    token: str = "",
    calls: int = 1,
    age: int = 0,
) -> Breaker:
    """
    After some calls that began `age` ago came to `outcome`. While it is not closed only its probe's word counts, and
    after that no failure of a call from before: it has hung, perhaps, since the trouble that is over.
    """
    if breaker.openings:
        return _after_probe(breaker, outcome, rules, spread, now) if token and token == breaker.probe else breaker
    if outcome is CallOutcome.IGNORED or (outcome is CallOutcome.FAILED and now - age < breaker.closed_at):
        return breaker
    ok, failed = (calls, 0) if outcome is CallOutcome.OK else (0, calls)
    counted = replace(
        breaker, row=breaker.row + failed if failed else 0, window=_counted(breaker, ok, failed, rules, now)
    )
    return _opened(counted, rules, spread, now) if failed and _is_enough(counted, rules) else counted


def _after_probe(breaker: Breaker, outcome: CallOutcome, rules: BreakerRules, spread: int, now: int) -> Breaker:
    match outcome:
        case CallOutcome.OK:
            return Breaker(closed_at=now)
        case CallOutcome.FAILED:
            return _opened(replace(breaker, row=breaker.row + 1), rules, spread, now)
        case CallOutcome.IGNORED:
            return replace(breaker, probe="", probe_until=0)


def _opened(breaker: Breaker, rules: BreakerRules, spread: int, now: int) -> Breaker:
    number = breaker.openings + 1
    return Breaker(row=breaker.row, openings=number, until=now + rules.opening_ms(number, spread))


def _counted(breaker: Breaker, ok: int, failed: int, rules: BreakerRules, now: int) -> tuple[Slice, ...]:
    current = now // rules.slice_ms
    kept = [each for each in breaker.window if current - SLICES < each.number < current]
    mine = next((each for each in breaker.window if each.number == current), Slice(current, 0, 0))
    return (*kept, Slice(current, mine.ok + ok, mine.failed + failed))


def _is_enough(breaker: Breaker, rules: BreakerRules) -> bool:
    failed = sum(each.failed for each in breaker.window)
    calls = failed + sum(each.ok for each in breaker.window)
    share = calls >= rules.at_least and 100 * failed >= rules.percent * calls
    return breaker.row >= rules.in_a_row or share
