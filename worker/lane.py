"""
The lane of one vendor in one worker: claims as many due jobs as it has free slots, and runs them.

Every vendor has a lane of its own, so a slow vendor fills its own slots and nobody else's.
The claims replace arq's poll: see `docs/adr/0001-a-loop-of-our-own-over-arqs-keys.md`.
"""

import asyncio
import itertools
from contextlib import suppress
from datetime import datetime, timedelta
from typing import assert_never

import structlog

from domain.infra.queue import Claim, Lease
from domain.infra.redis import REDIS_FAULTS
from worker.leases import Leases
from worker.station import Station
from worker.verdicts import Again, Ended, LeaseRunner, Lost, to_return

SLOW_POLL = timedelta(seconds=5)  # the net under a lost wake-up
AWAY_SECONDS = 0.5  # between claims while Redis is away
LAST_WORDS = timedelta(seconds=10)  # for writing down what was cut off by a stop

log = structlog.get_logger()


class Lane:
    def __init__(self, vendor: str, slots: int, station: Station, runner: LeaseRunner, leases: Leases) -> None:
        self.vendor = vendor
        self._slots = slots
        self._station = station
        self._runner = runner
        self._leases = leases
        self._running: set[asyncio.Task[None]] = set()
        self._nudge = asyncio.Event()
        self._stopping = False
        self._numbers = itertools.count()

    def wake(self) -> None:
        self._nudge.set()

    async def run(self) -> None:
        """Claim and run until told to stop."""
        while not self._stopping:
            self._nudge.clear()
            free = self._slots - len(self._running)
            if free <= 0:
                await self._nudge.wait()
                continue
            claim = await self._claim(free)
            if self._stopping:  # the stop came during the claim: what it got goes straight back
                await self._release(claim)
                return
            for lease in claim.leases:
                self._begin(lease)
            if len(claim.leases) < free:
                await self._sleep(claim.ask_again_at)

    async def drain(self, grace: timedelta) -> None:
        """Start nothing more, let calls end within `grace`, then cut and settle the rest."""
        self._stopping = True
        self.wake()
        if self._running:
            await asyncio.wait(self._running, timeout=grace.total_seconds())
        if self._running:
            self._runner.cut_calls(self.vendor)
            _, stuck = await asyncio.wait(self._running, timeout=LAST_WORDS.total_seconds())
            for task in stuck:  # a store that does not come back: the lease expires, another worker takes over
                task.cancel()

    async def _release(self, claim: Claim) -> None:
        returns = [self._leases.returns.submit(to_return(lease, Again(claim.now))) for lease in claim.leases]
        with suppress(TimeoutError):  # the leases' end does the same, later
            async with asyncio.timeout(LAST_WORDS.total_seconds()):
                await asyncio.gather(*returns)

    async def _claim(self, free: int) -> Claim:
        token = f"{self._station.worker}:{self.vendor}:{next(self._numbers)}"
        try:
            claim = await self._station.queue.claim(self.vendor, free, token)
        except REDIS_FAULTS as fault:
            log.warning("cannot claim; redis is away", vendor=self.vendor, fault=str(fault))
            await asyncio.sleep(AWAY_SECONDS)
            now = self._station.clock.now()
            return Claim([], now, now, closed=False)
        self._station.clock.hear(claim.now)
        return claim

    def _begin(self, lease: Lease) -> None:
        task = asyncio.create_task(self._run_one(lease))
        self._leases.keeper.hold(lease, task)
        self._running.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        if len(self._running) >= self._slots:
            self._nudge.set()
        self._running.discard(task)
        if not task.cancelled() and (fault := task.exception()):
            log.error("a job's task broke; its lease will expire and it runs again", exc_info=fault)

    async def _run_one(self, lease: Lease) -> None:
        try:
            verdict = await self._runner.run(lease)
            match verdict:
                case Lost(why=why):
                    log.warning("gave a job up", request_id=lease.request_id, why=why)
                case Ended() | Again():
                    await self._leases.returns.submit(to_return(lease, verdict))
                case _:
                    assert_never(verdict)
        except asyncio.CancelledError:
            if not self._leases.keeper.lost(lease):
                raise
        finally:
            self._leases.keeper.drop(lease)

    async def _sleep(self, until: datetime | None) -> None:
        left = SLOW_POLL if until is None else min(SLOW_POLL, until - self._station.clock.now())
        try:
            async with asyncio.timeout(max(left.total_seconds(), 0.001)):
                await self._nudge.wait()
        except TimeoutError:
            pass
