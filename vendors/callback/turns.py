"""
Turns at one receiver: at most ten calls at once in this process, and nobody waits inside for one.

Who gets no turn is told when to come again. Those times are spread by how long the receiver takes, so that a
thousand callbacks to a dead one are a trickle in the stores, and not a thousand looks a second.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from domain.errors import NotNow

AT_ONCE = 10  # calls of one host in one worker, of the hundred that its lane has
CLOSEST = timedelta(milliseconds=50)  # between two turns: the twenty a second that a host is granted
LONGEST = timedelta(minutes=5)  # the receiver may be well again, and this process gone
HOSTS_KEPT = 1_000  # of idle ones nothing is worth knowing

Clock = Callable[[], datetime]


@dataclass(slots=True)
class _Host:
    running: int = 0
    seconds: float = 0.0  # that a call takes, the last ones weighing most
    last_turn: datetime | None = None  # the latest that was given out


class Turns:
    def __init__(self, *, clock: Clock = lambda: datetime.now(UTC), at_once: int = AT_ONCE) -> None:
        self._clock = clock
        self._at_once = at_once
        self._hosts: dict[str, _Host] = {}

    @contextmanager
    def take(self, name: str) -> Iterator[None]:
        """One call of this host. Raises `NotNow` when too many are under way."""
        host = self._hosts.setdefault(name, _Host())
        if host.running >= self._at_once:
            raise self.not_now(name)
        host.running += 1
        began = self._clock()
        try:
            yield
        finally:
            host.running -= 1
            host.seconds += ((self._clock() - began).total_seconds() - host.seconds) / 4
            self._forget()

    def not_now(self, name: str, not_before: datetime | None = None) -> NotNow:
        """The refusal, with a turn of its own to come back at."""
        host = self._hosts.setdefault(name, _Host())
        now = self._clock()
        pace = max(timedelta(seconds=host.seconds / self._at_once), CLOSEST)
        until = max(now, host.last_turn or now, not_before or now) + pace
        if until > now + LONGEST:
            until = now + LONGEST * random.uniform(0.5, 1)  # noqa: S311 - jitter is no secret
        else:
            host.last_turn = until
        return NotNow("its receiver has as many callbacks as it is given at once", until=until)

    def _forget(self) -> None:
        if len(self._hosts) > HOSTS_KEPT:
            now = self._clock()
            self._hosts = {name: host for name, host in self._hosts.items() if host.running or _is_booked(host, now)}


def _is_booked(host: _Host, now: datetime) -> bool:
    return host.last_turn is not None and host.last_turn > now
