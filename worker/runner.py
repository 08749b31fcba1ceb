"""
One attempt: start, call, settle. The only place that calls a vendor.

It answers what is to become of the lease and leaves the queue alone, so that our own loop
and a plain `arq.Worker` can run the same attempt.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import assert_never

import structlog

from domain import transitions
from domain.errors import OutcomeUnknown, Unavailable
from domain.infra.background import pauses
from domain.infra.batching import Batcher
from domain.infra.job_store import Change
from domain.infra.queue import Lease
from domain.infra.redis import REDIS_FAULTS
from domain.jobs import Job
from domain.outcomes import LARGEST_RESULT_BYTES, Done, Failed, Outcome, Retry, Waiting
from domain.transitions import Unknown, cut_by_stop, never_sent, unanswered
from domain.vendors import Call, Vendor
from worker.starting import Started, Starter
from worker.station import Station
from worker.verdicts import Lost, Verdict, verdict_of

LARGEST_BATCH = 200
ADAPTER_GRACE = timedelta(seconds=2)  # an adapter bounds its own call; this one only guards against its bugs

log = structlog.get_logger()


class Runner:
    """Runs single attempts of one worker process."""

    def __init__(
        self,
        starts: Batcher[Lease, Started | Verdict],
        ends: Batcher[Change, bool],
        station: Station,
    ) -> None:
        self._starts = starts
        self._ends = ends
        self._station = station
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
        job = started.job
        vendor = self._station.vendor_of(job)
        outcome = await self._heed_closing(vendor, _storable(await self._call(vendor, job)))
        settled = transitions.settle(job, outcome, self._station.rules_of(job), self._station.clock.now())
        if not await self._write((job, settled)):
            return Lost("the job went on while the vendor was called")
        return verdict_of(settled)

    async def _call(self, vendor: Vendor, job: Job) -> Outcome | Unknown:
        if vendor.name in self._cut:
            return never_sent()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker: this is a coroutine
        self._calling[task] = vendor.name
        try:
            return await self._bounded(vendor, job)
        except asyncio.CancelledError:
            if vendor.name not in self._cut:
                raise  # the lease is lost: whoever has it now decides
            task.uncancel()
            return cut_by_stop()
        finally:
            del self._calling[task]

    async def _bounded(self, vendor: Vendor, job: Job) -> Outcome | Unknown:
        timeout = max(min(vendor.policy.timeout, job.deadline - self._station.clock.now()), timedelta(0))
        call = Call(job.id, job.payload, timeout, generation=job.generation, traceparent=job.traceparent)
        try:
            async with asyncio.timeout((timeout + ADAPTER_GRACE).total_seconds()):
                return await vendor.call(call)
        except OutcomeUnknown as unknown:
            return unanswered(unknown.detail)
        except TimeoutError:
            return unanswered(f"no answer within {timeout.total_seconds():g} s")
        except Exception:
            log.exception("adapter failed", vendor=vendor.name, request_id=str(job.id))
            return unanswered("the vendor's adapter failed in a way that it did not foresee")

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

    async def _write(self, change: Change) -> bool:
        """Write the end, through an outage of MongoDB too: the lease is renewed meanwhile."""
        wait = pauses()
        while True:
            try:
                return await self._ends.submit(change)
            except Unavailable as fault:
                log.warning("an end waits to be written", request_id=str(change[0].id), fault=fault.detail)
                await asyncio.sleep(next(wait))


@asynccontextmanager
async def open_runner(station: Station) -> AsyncIterator[Runner]:
    async def write(changes: Sequence[Change]) -> Sequence[bool]:
        return await station.store.compare_and_set(changes)

    starts: Batcher[Lease, Started | Verdict] = Batcher(Starter(station).start, largest=LARGEST_BATCH)
    ends: Batcher[Change, bool] = Batcher(write, largest=LARGEST_BATCH)
    async with starts, ends:
        yield Runner(starts, ends, station)


def _storable(outcome: Outcome | Unknown) -> Outcome | Unknown:
    """An end that cannot be written would have the vendor called again: such an answer fails the job instead."""
    match outcome:
        case Done(result=result, vendor_status=status):
            try:
                size = len(result.encode())
            except UnicodeEncodeError:
                return Failed("reply_not_text", "the reply is no valid Unicode text", status)
            if size > LARGEST_RESULT_BYTES:
                return Failed("reply_too_large", f"the result is larger than {LARGEST_RESULT_BYTES} bytes", status)
            return outcome
        case Waiting() | Failed() | Retry() | Unknown():
            return outcome
        case _:
            assert_never(outcome)
