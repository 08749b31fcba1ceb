"""
The load of a chaos run: clients that submit until they are heard, and never submit twice by mistake.

Each submission carries an Idempotency-Key and is repeated under it, whatever goes wrong, until it is accepted or the
time is up. A 2xx is on record as soon as it is read; from then on the job counts as accepted, for ever.
"""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from loadtest.chaos.journal import Journal
from loadtest.chaos.load_http import Answer, Clients, pause
from loadtest.chaos.load_orders import LoadPlan, Mix, Order, spelt
from loadtest.chaos.load_watch import Watch
from loadtest.chaos.records import Accepted, KeyBroken, LoadOver

_SUBMITTING_SHARE = 0.85  # of the time: what is submitted last should still see something happen
_GRACE_SECONDS = 60.0  # beyond the time, for submissions that nobody has accepted yet
_MOST_AT_ONCE = 300


class Load:
    """Clients of the gateway at `api_urls`. What they learn is appended to `journal`."""

    def __init__(self, api_urls: Sequence[str], journal: Path, plan: LoadPlan) -> None:
        self._plan = plan
        self._journal = Journal(journal)
        self._http = Clients(api_urls, plan.admin_key)
        self._watch = Watch(self._http, self._journal, plan.seed)
        self._random = Random(f"pauses:{plan.seed}")
        self._turns = asyncio.Semaphore(_MOST_AT_ONCE)
        self._began = 0.0
        self._given_up = 0
        self._jobs: dict[str, str] = {}  # by key

    async def run(self) -> None:
        """Until every submission was accepted or given up, and not before the plan's time is over."""
        self._began = time.monotonic()
        async with self._http:
            over = asyncio.Event()
            watching = asyncio.create_task(self._watch.go_on(over))
            async with asyncio.TaskGroup() as group:
                await self._submit_all(group)
            await asyncio.sleep(max(0.0, self._ends_at - time.monotonic()))
            over.set()
            await watching
        counts = dict(self._http.counts)
        self._journal.write(LoadOver(self._began, time.monotonic(), self._given_up, counts))
        self._journal.close()

    @property
    def _ends_at(self) -> float:
        return self._began + self._plan.seconds

    async def _submit_all(self, group: asyncio.TaskGroup) -> None:
        """Evenly over the time, with so many under way at once."""
        pace, submitted = self._plan.seconds * _SUBMITTING_SHARE / max(1, self._plan.jobs), 0
        for bunch in Mix(self._plan).bunches():
            await asyncio.sleep(max(0.0, self._began + submitted * pace - time.monotonic()))
            submitted += len(bunch)
            await self._turns.acquire()
            group.create_task(self._submit(bunch, group))

    async def _submit(self, bunch: tuple[Order, ...], group: asyncio.TaskGroup) -> None:
        try:
            jobs = await self._submit_batch(bunch) if len(bunch) > 1 else [None]
            for order, known in zip(bunch, jobs, strict=True):
                job = known or await self._insist(order)
                if job is not None:
                    group.create_task(self._look_after(order, job))
        finally:
            self._turns.release()

    async def _submit_batch(self, bunch: tuple[Order, ...]) -> list[str | None]:
        """One try; what it does not bring is submitted alone, under the same keys."""
        body = spelt({"jobs": [{**order.body, "idempotency_key": order.key} for order in bunch]})
        answer = await self._http.post("/jobs/batch", "/jobs/batch", bunch[0].client, body)
        results = _read(answer).get("results") if answer.is_success else None
        if not isinstance(results, list):
            return [None] * len(bunch)
        jobs: list[str | None] = []
        for order, result in zip(bunch, results, strict=True):
            self._http.counts[f"item of /jobs/batch {result['status']}"] += 1
            jobs.append(self._accept(order, result["request_id"]) if result["status"] == 202 else None)
        return jobs

    async def _insist(self, order: Order) -> str | None:
        """Submit until it is accepted; None when the time is up, or when the gateway will not have it."""
        while time.monotonic() < self._ends_at + _GRACE_SECONDS:
            answer = await self._submit_once(order)
            job = self._job_in(order, answer)
            if job is not None:
                return job
            if not answer.is_success and not answer.is_worth_repeating:
                break
            await pause(answer, self._random.uniform(0.05, 1.0))
        self._given_up += 1
        return None

    async def _submit_once(self, order: Order) -> Answer:
        headers = {"Idempotency-Key": order.key}
        if order.wait is not None:
            headers["Prefer"] = f"wait={order.wait}"
        return await self._http.post("/jobs", "/jobs", order.client, order.text, headers)

    def _job_in(self, order: Order, answer: Answer) -> str | None:
        """The id of the job that a 2xx names, which is accepted with that."""
        told = _read(answer) if answer.is_success else {}
        if "request_id" not in told:
            return None
        job = self._accept(order, str(told["request_id"]))
        if answer.status == 200:
            self._watch.note(order.client, answer, job, str(told["status"]))
        return job

    def _accept(self, order: Order, job: str) -> str:
        first = self._jobs.setdefault(order.key, job)
        now = time.monotonic()
        if first != job:
            self._journal.write(KeyBroken(now, order.key, first, job))
        self._journal.write(
            Accepted(now, order.key, job, order.client, order.vendor, order.payload, order.has_callback)
        )
        return job

    async def _look_after(self, order: Order, job: str) -> None:
        if order.watched:
            self._watch.add(order.client, job)
        if order.cancel_after is not None:
            await asyncio.sleep(order.cancel_after)
            await self._watch.ask("cancel", order.client, job)
        if order.repeat_after is not None:
            await asyncio.sleep(order.repeat_after)
            self._job_in(order, await self._submit_once(order))


def _read(answer: Answer) -> dict[str, Any]:
    """What a success says; nothing where it is cut short."""
    try:
        told = answer.json()
    except msgspec.DecodeError:
        return {}
    return told if isinstance(told, dict) else {}
