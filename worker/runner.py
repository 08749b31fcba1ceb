"""
One attempt: start, call, settle. The only place that calls a vendor.

It answers what is to become of the lease and leaves the queue alone, so that our own loop
and a plain `arq.Worker` can run the same attempt.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import structlog

from domain.counted_calls import CountedBreakers
from domain.errors import NotNow, OutcomeUnknown
from domain.infra.queue import Lease
from domain.infra.redis import REDIS_FAULTS
from domain.jobs import Job
from domain.outcomes import Outcome, Retry
from domain.unknowns import Unknown, cut_by_stop, held_back, never_sent, unanswered, unreported
from domain.vendors import Vendor
from worker.asking import ask, call_for, time_for
from worker.breaking import heed_trouble
from worker.gates import LeaseGate
from worker.settling import Settling, open_settling
from worker.starting import Started, Starter
from worker.starts import Starts, open_starts
from worker.station import Station
from worker.storable import storable
from worker.verdicts import Verdict

ADAPTER_GRACE = timedelta(seconds=2)  # an adapter bounds its own call; this one only guards against its bugs

log = structlog.get_logger()


class Runner:
    """Runs single attempts of one worker process."""

    def __init__(self, starts: Starts, settling: Settling, station: Station) -> None:
        self._starts = starts
        self._settling = settling
        self._station = station
        self._guards = None if station.breakers is None else CountedBreakers(station.breakers, station.counts)
        self._cut: set[str] = set()  # vendors whose lane has stopped
        self._calling: dict[asyncio.Task[object], str] = {}

    def cut_calls(self, vendor: str) -> None:
        """Cut the calls to `vendor` that are under way, make no further one, and settle what was cut."""
        self._cut.add(vendor)
        for task, called in self._calling.items():
            if called == vendor:
                task.cancel()

    async def run(self, lease: Lease) -> Verdict:
        """One attempt at the leased job. Cancelling it abandons the job to whoever holds it now."""
        started = await self._starts.submit(lease)
        if not isinstance(started, Started):
            return started
        job, vendor = started.job, started.vendor
        outcome = await self._heed_closing(vendor, await self._call(vendor, job, lease))
        outcome = await heed_trouble(self._station, vendor, lease, outcome)
        return await self._settling.settle(job, outcome, self._station.rules_of(vendor))

    async def _call(self, vendor: Vendor, job: Job, lease: Lease) -> Outcome | Unknown:
        if vendor.name in self._cut:
            return never_sent()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker: this is a coroutine
        self._calling[task] = vendor.name
        gate = self._station.gates.of(lease) if self._station.gates else None
        try:
            return await self._admitted(vendor, job, gate)
        except asyncio.CancelledError:
            if vendor.name not in self._cut:
                raise  # the lease is lost: whoever has it now decides
            task.uncancel()
            return cut_by_stop() if gate is None or gate.may_have_sent else never_sent()
        finally:
            del self._calling[task]

    async def _admitted(self, vendor: Vendor, job: Job, gate: LeaseGate | None) -> Outcome | Unknown:
        """The call, once its vendor's limit lets it start. What may not be sent now goes back into the queue."""
        try:
            if gate is not None:
                await gate.wait()
            return await self._bounded(vendor, job, gate)
        except NotNow as held:
            return held_back(held.detail, held.until)
        finally:
            if gate is not None:
                gate.note_answer()

    async def _bounded(self, vendor: Vendor, job: Job, gate: LeaseGate | None) -> Outcome | Unknown:
        usual = self._station.policy_of(vendor).timeout
        timeout = time_for(job, usual, self._station.clock.now())
        note_sent = None if gate is None else gate.note_sent
        call = replace(call_for(job, job.attempts[-1].operation, timeout), gate=gate, note_sent=note_sent)
        guards = self._guards if vendor.policy.breaker else None
        call = replace(call, guards=guards, hurried=timeout < usual)
        try:
            async with asyncio.timeout((timeout + ADAPTER_GRACE).total_seconds()):
                return storable(await ask(vendor, job, call))
        except NotNow:
            raise
        except OutcomeUnknown as unknown:
            return unanswered(unknown.detail) if unknown.trouble else unreported(unknown.detail)
        except TimeoutError:
            late = f"no answer within {timeout.total_seconds():g} s"
            return unreported(late) if call.hurried else unanswered(late)
        except Exception:
            log.exception("adapter failed", vendor=vendor.name, request_id=str(job.id))
            return unreported("the vendor's adapter failed in a way that it did not foresee")

    async def _heed_closing(self, vendor: Vendor, outcome: Outcome | Unknown) -> Outcome | Unknown:
        """A vendor that asks to be left alone is closed for the whole fleet, before anything else is done."""
        if not isinstance(outcome, Retry) or not outcome.closes_vendor:
            return outcome
        wait = outcome.after if outcome.after is not None else vendor.policy.backoff.ceiling(1)
        try:
            await self._station.queue.close_vendor(vendor.name, wait)
        except REDIS_FAULTS as fault:
            log.warning("could not close a vendor", vendor=vendor.name, fault=str(fault))
        return Retry(outcome.code, outcome.reason, wait, closes_vendor=True, vendor_status=outcome.vendor_status)


@asynccontextmanager
async def open_runner(station: Station) -> AsyncIterator[Runner]:
    async with open_settling(station) as settling, open_starts(Starter(station)) as starts:
        yield Runner(starts, settling, station)
