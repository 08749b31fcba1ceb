"""
How many jobs wait, for each vendor and of each client, as near to the truth as costs nothing.

Redis is asked behind the answer's back, at most four times a second, about those alone that a new job has come for.
Between two looks this process counts what it lets in itself, and at a look what may not be in Redis yet. So no process
passes a ceiling by itself; several may by what they let in within a quarter of a second. While Redis is away its
last word holds, and whatever is let in counts on top.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import structlog

from domain.backpressure import Ceilings, come_back_after
from domain.errors import Unavailable
from domain.infra.redis import REDIS_FAULTS
from domain.jobs import Job
from domain.vendor_states import VendorStates

FRESH_SECONDS = 0.25
FAR_SECONDS = 5.0  # below a quarter of its ceiling a backlog is counted less often
FORGOTTEN_SECONDS = 60.0  # nothing came for so long
MOST_AT_ONCE = 200  # backlogs of a kind in one look

PATIENCE_SECONDS = 0.5

log = structlog.get_logger()


class BacklogSource(Protocol):
    async def backlogs(self, vendors: Sequence[str], clients: Sequence[str]) -> tuple[list[int], list[int]]:
        """How many jobs wait for each of these vendors, and of each of these clients for any vendor."""
        ...


@dataclass(frozen=True, slots=True)
class _Full:
    """A backlog at its ceiling; `beyond` jobs must go before one more may come."""

    whose: str
    waiting: int
    ceiling: int
    beyond: int

    @property
    def detail(self) -> str:
        return f"{self.waiting} jobs {self.whose} wait to be called, and {self.ceiling} may; come back later"


@dataclass(slots=True)
class Count:
    """One backlog: what Redis had of it, and what else has been let in. Times are seconds of a steady clock."""

    known: int = 0
    since: int = 0  # and what was let in before, and may not be in Redis yet
    looked_at: float = float("-inf")  # that Redis did not answer counts as a look: it is not asked more often for it
    asked_at: float = float("-inf")

    @property
    def total(self) -> int:
        return self.known + self.since

    def aged(self, now: float) -> bool:
        return now - self.looked_at >= FRESH_SECONDS

    def stale(self, now: float, ceiling: int) -> bool:
        """Whether it is worth a look: one that is far from its ceiling seldom is."""
        far = 4 * self.total < ceiling
        return self.asked_at > self.looked_at and now - self.looked_at >= (FAR_SECONDS if far else FRESH_SECONDS)


@dataclass(slots=True)
class Counts:
    """The backlogs of one kind, which share a ceiling."""

    ceiling: int
    of: dict[str, Count] = field(default_factory=dict)

    def ask(self, name: str, now: float) -> Count:
        count = self.of.get(name)
        if count is None:
            count = self.of[name] = Count()
        count.asked_at = now
        return count

    def beyond(self, count: Count) -> int:
        """How many jobs must go before one more may come."""
        return max(count.total - self.ceiling + 1, 0) if self.ceiling else 0

    def stale(self, now: float) -> list[str]:
        if not self.ceiling:
            return []
        return [name for name, count in self.of.items() if count.stale(now, self.ceiling)][:MOST_AT_ONCE]

    def forget(self, now: float) -> None:
        self.of = {name: count for name, count in self.of.items() if now - count.asked_at < FORGOTTEN_SECONDS}


class Backlogs:
    """A `Backpressure`. `unqueued` says how many jobs this process has stored and not queued yet."""

    def __init__(
        self,
        source: BacklogSource,
        ceilings: Ceilings,
        states: VendorStates,
        unqueued: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._states = states
        self._unqueued = unqueued
        self._clock = clock
        self._vendors, self._clients = Counts(ceilings.vendor), Counts(ceilings.client)
        self._asked = asyncio.Event()
        self._looking = asyncio.Lock()

    async def admit(self, job: Job) -> None:
        full = self._count_in(job)
        if full is not None and await self._looked_again(job):
            full = self._count_in(job)
        if full is not None:
            raise await self._refusal(job, full)

    async def run(self) -> None:
        """Count what was asked about, for as long as anything is."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            now = self._clock()
            async with self._looking:
                await self._look(self._vendors.stale(now), self._clients.stale(now))
            self._vendors.forget(now)
            self._clients.forget(now)
            await asyncio.sleep(FRESH_SECONDS)

    def _count_in(self, job: Job) -> _Full | None:
        """Count the job in, or say which backlog is full."""
        vendor, client = self._ask(job)
        self._asked.set()
        if beyond := self._vendors.beyond(vendor):
            return _Full(f"for vendor {job.vendor!r}", vendor.total, self._vendors.ceiling, beyond)
        if beyond := self._clients.beyond(client):
            return _Full("of yours", client.total, self._clients.ceiling, beyond)
        vendor.since += 1
        client.since += 1
        return None

    def _ask(self, job: Job) -> tuple[Count, Count]:
        now = self._clock()
        return self._vendors.ask(job.vendor, now), self._clients.ask(job.client, now)

    async def _looked_again(self, job: Job) -> bool:
        """Whether there was something newer to be seen: who comes back when told is not refused by an old count."""
        vendor, client = self._ask(job)
        before = min(vendor.looked_at, client.looked_at)
        async with self._looking:
            now = self._clock()
            if vendor.aged(now) or client.aged(now):
                await self._look([job.vendor], [job.client])
        return min(vendor.looked_at, client.looked_at) > before

    async def _look(self, vendors: list[str], clients: list[str]) -> None:
        counts = [*(self._vendors.of[name] for name in vendors), *(self._clients.of[name] for name in clients)]
        if not counts:
            return
        before, unqueued = [count.since for count in counts], self._unqueued()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                found = await self._source.backlogs(vendors, clients)
        except REDIS_FAULTS as fault:
            log.warning("redis is away; backlogs are not counted", fault=str(fault))
        else:
            for count, since, known in zip(counts, before, [*found[0], *found[1]], strict=True):
                count.known, count.since = known, count.since - since + min(unqueued, since)
        for count in counts:
            count.looked_at = self._clock()

    async def _refusal(self, job: Job, full: _Full) -> Unavailable:
        try:
            state = await self._states.look(job.vendor)
        except Unavailable:
            state = None
        wait = come_back_after(state, full.beyond, datetime.now(UTC))
        return Unavailable(full.detail, retry_after=wait, code="backlog-full")
