"""
Suspects run apart: a child process of the worker, which runs one job at a time and nothing beside it.

`Apart` is the parent's side: it has a child run while there are suspects, and none while there are not. `ApartLane`
is the child's: of all its vendors' lanes one has the slot. See `docs/adr/0013-suspects-run-apart.md`.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

import structlog

from domain.errors import Unavailable
from domain.infra.queue import Claim
from domain.infra.redis import REDIS_FAULTS
from domain.infra.ticks import seconds_since_boot
from worker.lane import LAST_WORDS, Lane
from worker.leases import Leases
from worker.station import Station
from worker.verdicts import LeaseRunner

QUIET = timedelta(seconds=30)  # a child that has had nothing to do for so long ends
FIRST_WAIT_SECONDS = 0.1  # before a child is started again
LONGEST_WAIT_SECONDS = 30.0

log = structlog.get_logger()


class ApartProcess(Protocol):
    """A child that was started. When its parent is gone it drains by itself."""

    def stop(self) -> None:
        """Have it drain, as any worker does; done twice it changes nothing more."""
        ...

    async def ended(self) -> int:
        """Return when it has ended: 0, or what it died of. May be asked and cancelled any number of times."""
        ...


class ApartStarter(Protocol):
    async def start(self) -> ApartProcess:
        """Raises `OSError` when no process can be started."""
        ...


class NoProcesses:
    """An `ApartStarter` for a worker that leaves suspects to the others."""

    async def start(self) -> ApartProcess:
        raise OSError("this worker starts no processes")


class Apart:
    """Keeps a child running while suspects are seen. Nothing is lost without one: they stay queued."""

    def __init__(self, starter: ApartStarter, first_wait_seconds: float = FIRST_WAIT_SECONDS) -> None:
        self._starter = starter
        self._first_wait_seconds = first_wait_seconds
        self._called = asyncio.Event()
        self._stopping = False
        self._child: ApartProcess | None = None

    def call(self) -> None:
        """A suspect was seen."""
        self._called.set()

    async def run(self) -> None:
        wait = self._first_wait_seconds
        while not self._stopping:
            await self._called.wait()
            self._called.clear()
            code = await self._run_child()
            if code == 0:
                wait = self._first_wait_seconds
                continue
            self._called.set()  # what it ran, or could not run, is queued still
            # Killed, it was by what it ran: the next one has other work. Else no child gets on for the moment.
            wait = self._first_wait_seconds if code < 0 else min(2 * wait, LONGEST_WAIT_SECONDS)
            await asyncio.sleep(wait)

    async def drain(self, grace: timedelta) -> None:
        """Have the child drain, and return when it has ended; one that does not is left to itself."""
        self._stopping = True
        if self._child is not None:
            self._child.stop()
            with suppress(TimeoutError):
                async with asyncio.timeout((grace + LAST_WORDS).total_seconds()):
                    await self._child.ended()

    async def _run_child(self) -> int:
        """What it ended with."""
        try:
            child = self._child = await self._starter.start()
        except OSError as fault:
            log.warning("no process can be started for suspects; they stay queued", fault=str(fault))
            return 1
        try:
            if self._stopping:
                child.stop()
            code = await child.ended()
        finally:
            child.stop()
            self._child = None
        if code:
            log.warning("the process that ran suspects died", code=code)
        return code


class ApartLane(Lane):
    """The lane of one vendor's suspects. It claims and runs with the slot in hand, which there is one of."""

    def __init__(self, vendor: str, station: Station, runner: LeaseRunner, leases: Leases, slot: asyncio.Lock) -> None:
        super().__init__(vendor, 1, station, runner, leases)
        self._slot = slot
        self._busy_at = seconds_since_boot()

    @property
    def quiet_seconds(self) -> float:
        """How long it has had nothing to do, and nothing to wait for."""
        return 0.0 if self._running else seconds_since_boot() - self._busy_at

    async def run(self) -> None:
        while not self._stopping:
            self._nudge.clear()
            async with self._slot:
                if self._stopping:
                    return
                claim = await self._claim(1, self._kept_to())
                if self._stopping:
                    await self._release(claim)
                    return
                await self._run_all(claim)
            if not claim.leases:
                await self._sleep(claim.ask_again_at)

    async def _run_all(self, claim: Claim) -> None:
        for lease in claim.leases:
            self._begin(lease)
        if self._running:
            await asyncio.wait(self._running)
        held = claim.held is not None and claim.held.due > 0
        soon = claim.ask_again_at is not None and claim.ask_again_at <= claim.now + QUIET
        if claim.leases or held or soon:
            self._busy_at = seconds_since_boot()


async def stop_when_quiet(
    lanes: Callable[[], Sequence[Lane]], stop: Callable[[], None], quiet: timedelta = QUIET
) -> None:
    """The end of a child that is no longer needed. What comes due later, the parent's sweep sees in time."""
    while _needed(lanes(), quiet):  # noqa: ASYNC110 - it is the passing of time that is waited for
        await asyncio.sleep(quiet.total_seconds() / 10)
    log.info("no more suspects; this process ends")
    stop()


def _needed(lanes: Sequence[Lane], quiet: timedelta) -> bool:
    return any(lane.quiet_seconds < quiet.total_seconds() for lane in lanes if isinstance(lane, ApartLane))


async def look_for_suspects(station: Station) -> None:
    """Whether any are queued from before this worker started: the sweep would see them, later."""
    with suppress(Unavailable, *REDIS_FAULTS):
        for vendor in list(station.vendors):
            claim = await station.queue.claim(vendor, 0, f"{station.worker}:look:{vendor}", apart=True)
            if claim.ask_again_at is not None:
                station.call_apart()
                return
