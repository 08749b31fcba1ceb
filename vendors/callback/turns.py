"""
Turns at the receivers: each has a tenth of the slots that are free in this process, and nobody waits inside for one.

So the first to hang takes ten of a hundred, and the more of them hang the less each gets: a slot is left for whoever
comes next, and of the last ones none goes to a receiver that is known to be slow.

Who gets no turn is told when to come again. Those times are spread by how long the receiver takes, so that a
thousand callbacks to a dead one are a trickle in the stores, and not a thousand looks a second.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil

from domain.errors import NotNow

SLOTS = 100  # calls at once in one worker, as its lane has them by default
SHARE = 10  # of the free slots a host may have one in so many
SLOW_SECONDS = 1.0  # that a host's calls take: it gets none of the last slots
CLOSEST = timedelta(milliseconds=50)  # between two turns: the twenty a second that a host is granted
LONGEST = timedelta(minutes=5)  # the receiver may be well again, and this process gone
HOSTS_KEPT = 1_000  # of idle ones nothing is worth knowing

Clock = Callable[[], datetime]


@dataclass(slots=True)
class _Host:
    running: list[datetime] = field(default_factory=list)  # when its calls began, the oldest first
    seconds: float = 0.0  # that a call took, the last ones weighing most
    last_turn: datetime | None = None  # the latest that was given out

    def takes(self, now: datetime) -> float:
        """Seconds that a call takes; of a receiver that hangs, nobody waits for the first one's end to know."""
        return max(self.seconds, (now - self.running[0]).total_seconds() if self.running else 0.0)


class Turns:
    """`slots` is how many calls its lane makes at once."""

    def __init__(self, *, clock: Clock = lambda: datetime.now(UTC), slots: int = SLOTS) -> None:
        self._clock = clock
        self._free = slots
        self._last_slots = min(slots - 1, max(1, slots // SHARE))
        self._hosts: dict[str, _Host] = {}

    @contextmanager
    def take(self, name: str) -> Iterator[None]:
        """One call of this host. Raises `NotNow` when too many are under way."""
        host = self._hosts.setdefault(name, _Host())
        began = self._clock()
        if not self._has_one_for(host, began):
            raise self.not_now(name)
        host.running.append(began)
        self._free -= 1
        try:
            yield
        finally:
            host.running.remove(began)
            self._free += 1
            host.seconds += ((self._clock() - began).total_seconds() - host.seconds) / 4
            self._forget()

    def not_now(self, name: str, not_before: datetime | None = None) -> NotNow:
        """The refusal, with a turn of its own to come back at."""
        host = self._hosts.setdefault(name, _Host())
        now = self._clock()
        pace = max(timedelta(seconds=host.takes(now) / max(1, self._share())), CLOSEST)
        until = max(now, host.last_turn or now, not_before or now) + pace
        if until > now + LONGEST:
            until = now + LONGEST * random.uniform(0.5, 1)  # noqa: S311 - jitter is no secret
        else:
            host.last_turn = until
        return NotNow("its receiver has as many callbacks as it is given at once", until=until)

    def _has_one_for(self, host: _Host, now: datetime) -> bool:
        if host.takes(now) > SLOW_SECONDS and self._free <= self._last_slots:
            return False
        return len(host.running) < self._share()

    def _share(self) -> int:
        return ceil(self._free / SHARE)

    def _forget(self) -> None:
        if len(self._hosts) > HOSTS_KEPT:
            now = self._clock()
            self._hosts = {name: host for name, host in self._hosts.items() if host.running or _is_booked(host, now)}


def _is_booked(host: _Host, now: datetime) -> bool:
    return host.last_turn is not None and host.last_turn > now
