"""What a reply of Redis says about its clock, measured on a clock of ours that nobody sets."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime


def seconds_since_boot() -> float:
    """A clock that never steps back and counts the time in which the machine was suspended, where there is one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True)
class Tick:
    """Redis' clock stood at `micros` some time between `sent` and `received`, in seconds since boot."""

    micros: int
    sent: float
    received: float

    @property
    def now(self) -> datetime:
        return moment_of(self.micros)


def moment_of(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1_000_000, UTC)
