"""One time for all workers: Redis' own. A worker whose clock is wrong breaks no due time, no deadline and no limit."""

from collections import deque
from datetime import UTC, datetime

from domain.infra.ticks import Tick, moment_of, seconds_since_boot

REMEMBERED_SECONDS = 10.0  # oscillators drift apart by less than a millisecond in that time


class FleetClock:
    """
    A clock of ours that nobody sets, plus what every reply says of Redis' clock.

    Redis' time lies between our sending and our receipt; taking it for the time at the receipt is never
    too early, so the best of the last replies is the one that puts Redis furthest ahead. Before the first
    reply it is this machine's clock.
    """

    def __init__(self) -> None:
        self._least: deque[tuple[float, float]] = deque()  # (heard at, µs that Redis is ahead at least), falling

    def hear(self, tick: Tick) -> None:
        least, most = tick.micros - tick.received * 1e6, tick.micros - tick.sent * 1e6
        if self._least and self._least[0][1] > most + 1:  # Redis' clock stepped back
            self._least.clear()
        while self._least and self._least[-1][1] <= least:
            self._least.pop()
        self._least.append((tick.received, least))
        while self._least[0][0] < tick.received - REMEMBERED_SECONDS:
            self._least.popleft()

    @property
    def is_set(self) -> bool:
        """Whether Redis was heard at all: before that, only this machine's clock can be told."""
        return bool(self._least)

    def now_micros(self) -> int:
        """Microseconds since the epoch, a reply's travel time behind Redis at most and never ahead of it."""
        if not self._least:
            return round(datetime.now(UTC).timestamp() * 1e6)
        return int(seconds_since_boot() * 1e6 + self._least[0][1])

    def now(self) -> datetime:
        """To the millisecond, which is what BSON keeps."""
        return moment_of(self.now_micros() // 1000 * 1000)
