"""
The lane of one vendor in one worker: claims as many due jobs as it has free slots, and runs them.

Every vendor has a lane of its own, so a slow vendor fills its own slots and nobody else's.
The claims replace arq's poll: see `docs/adr/0001-a-loop-of-our-own-over-arqs-keys.md`.
"""

import asyncio
import itertools
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

import structlog

from domain.errors import Unavailable
from domain.infra.limits import CallLimits
from domain.infra.queue import Claim, Lease, Return
from domain.infra.redis import REDIS_FAULTS
from domain.infra.ticks import Tick, seconds_since_boot
from domain.metrics import CLAIMS_HELD, LEASES_LOST
from domain.ports import Queued
from worker.leases import Leases
from worker.pace import Pace
from worker.start_room import StartRoom
from worker.station import Station
from worker.verdicts import Again, Elsewhere, Ended, LeaseRunner, Lost, to_return

SLOW_POLL = timedelta(seconds=5)  # the net under a lost wake-up
IN_LINE = timedelta(seconds=0.1)  # the net under a place that came free unheard
AWAY_SECONDS = 0.5  # between claims while Redis is away
TELL_SECONDS = 1.0  # between two lines in the log about a lane that is held
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
        self._told_at = 0.0
        self._pace = Pace(slots)

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
            kept_to = self._kept_to()
            room, asked = self._room_for(kept_to), self._pace.ask(free)
            if room is not None and not (asked := room.reserve(asked, self.wake)):
                await self._sleep(self._station.clock.now() + IN_LINE)
                continue
            claim = await self._claim(asked, kept_to)
            if room is not None:
                room.fill(asked, claim.leases)
            if self._stopping:  # the stop came during the claim: what it got goes straight back
                await self._release(claim)
                return
            for lease in claim.leases:
                self._begin(lease)
            if pause := self._pace.pause_after(len(claim.leases)):
                await asyncio.sleep(pause)
            if len(claim.leases) < asked:
                await self._sleep(claim.ask_again_at)

    def _kept_to(self) -> CallLimits | None:
        return self._station.limits.of(self.vendor) if self._station.limits else None

    def _room_for(self, kept_to: CallLimits | None) -> StartRoom | None:
        """None for a vendor whose calls may start at any time."""
        gates = self._station.gates
        return gates.room if gates is not None and kept_to is not None and kept_to.windows else None

    def retire(self) -> None:
        """Claim nothing more; what runs goes on."""
        self._stopping = True
        self.wake()

    async def drain(self, grace: timedelta) -> None:
        """Start nothing more, let calls end within `grace`, then cut and settle the rest."""
        self.retire()
        if self._running:
            await asyncio.wait(self._running, timeout=grace.total_seconds())
        if self._running:
            self._runner.cut_calls(self.vendor)
            _, stuck = await asyncio.wait(self._running, timeout=LAST_WORDS.total_seconds())
            for task in stuck:  # a store that does not come back: the lease expires, another worker takes over
                task.cancel()

    async def _release(self, claim: Claim) -> None:
        returns = [self._leases.returns.submit(self._return(lease, Again(claim.now))) for lease in claim.leases]
        with suppress(TimeoutError):  # the leases' end does the same, later
            async with asyncio.timeout(LAST_WORDS.total_seconds()):
                await asyncio.gather(*returns)

    async def _claim(self, free: int, kept_to: CallLimits | None) -> Claim:
        token = f"{self._station.worker}:{self.vendor}:{next(self._numbers)}"
        limits = self._station.limits
        try:
            apart = self._station.apart
            claim = await self._station.queue.claim(self.vendor, free, token, kept_to, apart=apart)
            self._station.clock.hear(claim.tick)
            if limits and claim.notice:
                await limits.restore(self.vendor, claim.notice)
            if limits and claim.behind:
                await limits.hear()
        except (Unavailable, *REDIS_FAULTS) as fault:
            log.warning("cannot claim; a store is away", vendor=self.vendor, fault=str(fault))
            await asyncio.sleep(AWAY_SECONDS)
            return Claim([], Tick(self._station.clock.now_micros(), 0.0, 0.0), self._station.clock.now())
        self._tell_held(claim)
        return claim

    def _tell_held(self, claim: Claim) -> None:
        held, now = claim.held, seconds_since_boot()
        if held is not None and held.due:
            self._station.counts.add(CLAIMS_HELD, self.vendor, held.kind)
        if held is not None and held.due and now - self._told_at >= TELL_SECONDS:
            self._told_at = now
            until = claim.ask_again_at and claim.ask_again_at.isoformat()
            log.info("jobs are held", vendor=self.vendor, by=held.why, jobs=held.due, until=until)

    def _begin(self, lease: Lease) -> None:
        task = asyncio.create_task(self._run_one(lease))
        self._leases.keeper.hold(lease, task)
        self._running.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        if len(self._running) >= self._slots:
            self._nudge.set()
        self._running.discard(task)

    async def _run_one(self, lease: Lease) -> None:
        clock = self._station.clock
        began = max(clock.now_micros(), lease.permit)
        try:
            verdict = await self._runner.run(lease)
            self._pace.note((clock.now_micros() - began) / 1e6)
            match verdict:
                case Lost(why=why):
                    self._station.counts.add(LEASES_LOST, lease.vendor)
                    log.warning("gave a job up", request_id=lease.request_id, why=why)
                case Ended() | Again():
                    await self._leases.returns.submit(self._return(lease, verdict))
                case Elsewhere(place=place):
                    await self._leases.returns.submit(self._return(lease, Ended()))
                    await self._move(place)
                case _:
                    assert_never(verdict)
        except asyncio.CancelledError:
            if not self._leases.keeper.lost(lease):
                raise
            self._station.counts.add(LEASES_LOST, lease.vendor)
        except Exception:
            told = {"vendor": self.vendor, "request_id": lease.request_id}
            log.exception("a job's task broke; its lease will expire and it runs again", **told)
        finally:
            self._drop_gate(lease)
            self._leases.keeper.drop(lease)

    async def _move(self, place: Queued) -> None:
        """Queue a job in the class that it belongs into; the sweep is the net."""
        if place.apart:
            log.warning("its workers died again and again: it will run apart", request_id=str(place.request_id))
            self._station.call_apart()
        try:
            await self._station.queue.enqueue([place])
        except REDIS_FAULTS as fault:
            log.warning("could not queue a job; the sweep will", request_id=str(place.request_id), fault=str(fault))

    def _return(self, lease: Lease, verdict: Ended | Again) -> Return:
        permit, arrived_by = self._drop_gate(lease)
        return replace(to_return(lease, verdict), permit=permit, arrived_by=arrived_by)

    def _drop_gate(self, lease: Lease) -> tuple[int, int]:
        return self._station.gates.drop(lease) if self._station.gates else (0, 0)

    async def _sleep(self, until: datetime | None) -> None:
        left = SLOW_POLL if until is None else min(SLOW_POLL, until - self._station.clock.now())
        try:
            async with asyncio.timeout(max(left.total_seconds(), 0.001)):
                await self._nudge.wait()
        except TimeoutError:
            pass
