"""One vendor as Redis has it at one moment: what its state, and the wait of its jobs, are worked out from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from domain.breakers import UNTRIED, BreakerLook, BreakerState
from domain.infra.ticks import moment_of


@dataclass(frozen=True, slots=True)
class VendorLook:
    now: datetime  # on Redis' clock
    paused: bool
    closed_until: datetime | None
    next_start: datetime | None  # when its limit grants the next call; None: at once
    running: int  # calls under way over the fleet, those that wait for their start included
    queued: Mapping[str, int]  # not running; scheduled ones included
    due: Mapping[str, int]  # of these, those that only wait for their turn
    oldest_due: timedelta | None
    used: tuple[int, ...] = ()  # of each window of its limit
    breaker: BreakerLook = UNTRIED

    @classmethod
    def of(cls, reply: list[int], classes: Sequence[str]) -> Self:
        """From what `look.lua` returns; the counts stand in the order of `classes`."""
        now, paused, closed, start, running, oldest, opened, row, *rest = reply
        counts, used = rest[: 2 * len(classes)], rest[2 * len(classes) :]
        return cls(
            now=moment_of(now),
            paused=bool(paused),
            closed_until=moment_of(closed) if closed > now else None,
            next_start=moment_of(start) if start > now else None,
            running=running,
            queued=dict(zip(classes, counts[::2], strict=True)),
            due=dict(zip(classes, counts[1::2], strict=True)),
            oldest_due=None if oldest < 0 else timedelta(microseconds=now - oldest),
            used=tuple(used),
            breaker=breaker_look(now, opened, row),
        )


def breaker_look(now: int, opened: int, row: int) -> BreakerLook:
    """From when an opening ends, 0 where there is none, and the failures in a row; times in microseconds."""
    if opened > now:
        return BreakerLook(BreakerState.OPEN, moment_of(opened), row)
    return BreakerLook(BreakerState.HALF_OPEN if opened else BreakerState.CLOSED, None, row)
