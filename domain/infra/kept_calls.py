"""
What vendors' last calls came to, kept for a few seconds, and longer where vendors are many.

So however many there are, and however many ask, a process reads some twenty vendors a second at most, a lot of them at
a time. What is kept is told at once and read again behind the answer; only who asks for what is not known waits for it,
for a moment.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from domain.errors import Unavailable
from domain.infra.batching import Batcher
from domain.infra.readings import Reading, Readings, read_within
from domain.vendor_states import UNTOLD, Recent

LARGEST_LOT = 10  # vendors of one query: it reads 5,000 documents at most, which takes some 40 ms
KEPT_SECONDS = 5.0
MOST_A_SECOND = 20  # vendors: a hundred of them are kept for 5 s, a thousand for 50
PATIENCE_SECONDS = 0.5
AWAY_SECONDS = 1.0  # for which nobody asks again for what could not be read

Read = Callable[[Sequence[str]], Awaitable[Sequence[Recent]]]  # raises `Unavailable`
Clock = Callable[[], float]  # seconds; only differences count

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Kept:
    recent: Recent
    at: float


@dataclass(frozen=True, slots=True)
class _Asked:
    reading: Reading[None]
    alone: bool


class KeptCalls:
    """For one process, by `keep_calls`."""

    def __init__(self, read: Read, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._asked: dict[str, _Asked] = {}
        self.readings = Readings()
        # Who asks about one vendor does not stand behind those who ask about all.
        self.of_one, self.of_many = (
            Batcher(read, largest=LARGEST_LOT, patience_seconds=PATIENCE_SECONDS) for _ in range(2)
        )

    async def of(self, vendors: Iterable[str]) -> dict[str, Recent]:
        """Raises nothing, and takes half a second at most: `UNTOLD` of those who could not be read by then."""
        now, kept_seconds, waited_for = self._clock(), self._kept_seconds, list[Reading[None]]()
        names = tuple(vendors)
        for name in names:
            kept = self._kept.get(name)
            age = now - kept.at if kept else float("inf")
            if age > kept_seconds:
                reading = self._ask(name, alone=len(names) == 1)
                if age > 2 * kept_seconds:
                    waited_for.append(reading)
        await read_within(PATIENCE_SECONDS, waited_for)
        return {name: self._told(name, now - 2 * kept_seconds) for name in names}

    @property
    def _kept_seconds(self) -> float:
        return max(KEPT_SECONDS, len(self._kept) / MOST_A_SECOND)

    def _ask(self, vendor: str, *, alone: bool) -> Reading[None]:
        asked = self._asked.get(vendor)
        if asked is None or asked.reading.is_over(AWAY_SECONDS) or (alone and not asked.alone):
            work = self._keep(vendor, self.of_one if alone else self.of_many)
            asked = self._asked[vendor] = _Asked(self.readings.begin(work), alone)
        return asked.reading

    async def _keep(self, vendor: str, lots: Batcher[str, Recent]) -> None:
        try:
            self._kept[vendor] = _Kept(await lots.submit(vendor), self._clock())
        except Unavailable:
            pass  # nobody can say
        except Exception:
            log.exception("what a vendor's last calls came to cannot be summed up", vendor=vendor)

    def _told(self, vendor: str, since: float) -> Recent:
        kept = self._kept.get(vendor)
        return kept.recent if kept and kept.at >= since else UNTOLD


@asynccontextmanager
async def keep_calls(read: Read, clock: Clock = time.monotonic) -> AsyncIterator[KeptCalls]:
    calls = KeptCalls(read, clock)
    async with calls.of_one, calls.of_many:
        try:
            yield calls
        finally:
            await calls.readings.close()
