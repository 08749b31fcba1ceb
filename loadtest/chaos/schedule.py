"""
Which fault strikes when: a pure function of a seed, so that a run can be had again.

Kinds are dealt from a shuffled deck, as cards are: each comes as often as its weight says, and all of them
in a run that is long enough. Now and then two strike almost at once. The last fifth of a run is quiet, so that what is
seen at its end is what the gateway mended and not what it had no time for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import assert_never

QUIET_SHARE = 0.2  # of the run, at its end
FIRST_SECONDS = 4.0  # undisturbed, so that every process has work when the first fault strikes
GAP_SECONDS = 4.0  # between two faults, on average
TOGETHER_SHARE = 0.15  # of faults that strike within a second of the one before

WORKERS = ("worker-1", "worker-2", "worker-3")
APIS = ("api-1", "api-2")
WEBHOOKS = ("webhooks-1", "webhooks-2")
VENDOR = "vendor"
REDIS = "redis"
MONGO_PRIMARY, MONGO_SECONDARY, MONGO_ALL = "mongo primary", "mongo secondary", "mongo, all members"
STORES = (REDIS, MONGO_PRIMARY, MONGO_SECONDARY, MONGO_ALL)


class Kind(StrEnum):
    KILL = "kill -9"
    FREEZE = "freeze"
    RESTART = "clean restart"
    FLUSH = "FLUSHALL"
    CUT = "CLIENT KILL"
    LOSE_TAIL = "lose the log's tail"
    STEP_DOWN = "step down"
    OUTAGE = "outage"


@dataclass(frozen=True, slots=True)
class Card:
    """A kind of fault, those it may hit, and for how long."""

    kind: Kind
    targets: tuple[str, ...]
    shortest: float = 0.0
    longest: float = 0.0
    weight: int = 1

    @property
    def kills(self) -> int:
        """How many processes end by signal 9."""
        match self.kind:
            case Kind.KILL:
                return 3 if MONGO_ALL in self.targets else 1
            case Kind.LOSE_TAIL:
                return 1
            case Kind.FREEZE | Kind.RESTART | Kind.FLUSH | Kind.CUT | Kind.STEP_DOWN | Kind.OUTAGE:
                return 0
            case unreachable:
                assert_never(unreachable)


DECK = (
    Card(Kind.KILL, WORKERS, 0.1, 4.0, weight=5),  # for a kill: how long it stays dead
    Card(Kind.KILL, APIS, 0.1, 3.0, weight=2),
    Card(Kind.KILL, WEBHOOKS, 0.1, 3.0),
    Card(Kind.FREEZE, WORKERS, 2.0, 20.0, weight=2),  # a lease is 5 s: some wake up as nobody's holder
    Card(Kind.FREEZE, APIS, 2.0, 20.0),
    Card(Kind.FREEZE, WEBHOOKS, 2.0, 20.0),
    Card(Kind.KILL, (REDIS,), 0.1, 5.0),
    Card(Kind.RESTART, (REDIS,), 0.1, 1.0),
    Card(Kind.FREEZE, (REDIS,), 2.0, 20.0),
    Card(Kind.FLUSH, (REDIS,)),
    Card(Kind.CUT, (REDIS,)),
    Card(Kind.LOSE_TAIL, (REDIS,), 0.1, 2.0),
    Card(Kind.KILL, (MONGO_PRIMARY,), 0.5, 8.0, weight=2),
    Card(Kind.KILL, (MONGO_SECONDARY,), 0.5, 8.0),
    Card(Kind.KILL, (MONGO_ALL,), 0.5, 3.0),
    Card(Kind.FREEZE, (MONGO_PRIMARY,), 8.0, 12.0),
    Card(Kind.STEP_DOWN, (MONGO_PRIMARY,)),
    Card(Kind.KILL, (VENDOR,), 0.1, 3.0),
    Card(Kind.OUTAGE, (VENDOR,), 3.0, 15.0),
    Card(Kind.FREEZE, (VENDOR,), 2.0, 12.0),
)
_FATAL = tuple(card for card in DECK if card.kind is Kind.KILL and card.targets in {WORKERS, APIS, WEBHOOKS})


@dataclass(frozen=True, slots=True)
class Fault:
    """`at` is in seconds from the run's beginning; `seconds` is how long it stays dead, frozen or away."""

    at: float
    kind: Kind
    target: str
    seconds: float
    kills: int = 0


def plan(seed: int, minutes: float, kills: int = 0) -> tuple[Fault, ...]:
    """The faults of a run in their order; processes of the gateway are killed besides until `kills` have been."""
    random = Random(seed)
    end = minutes * 60 * (1 - QUIET_SHARE)
    cards = _dealt(random)
    faults: list[Fault] = []
    at = FIRST_SECONDS
    while at < end:
        faults.append(_drawn(random, at, next(cards)))
        together = random.random() < TOGETHER_SHARE
        at += random.uniform(0, 1) if together else random.uniform(0.5, 1.5) * GAP_SECONDS
    while faults and sum(fault.kills for fault in faults) < kills:
        faults.append(_drawn(random, random.uniform(FIRST_SECONDS, end), random.choice(_FATAL)))
    return tuple(sorted(faults, key=lambda fault: fault.at))


def _dealt(random: Random) -> Iterator[Card]:
    """Card after card, the deck shuffled anew each time that it is through."""
    deck = [card for card in DECK for _ in range(card.weight)]
    while True:
        random.shuffle(deck)
        yield from deck


def _drawn(random: Random, at: float, card: Card) -> Fault:
    seconds = random.uniform(card.shortest, card.longest)
    return Fault(round(at, 3), card.kind, random.choice(card.targets), round(seconds, 3), card.kills)
