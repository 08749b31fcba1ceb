"""One fake per port of `domain.ports`, and those of the API: in memory, with the port's own promises."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.callers import Caller
from domain.errors import BadSignature, KeyReused, NotFound, Unavailable
from domain.jobs import Job
from domain.ports import Accepted, JobFilter, StoredEvent
from domain.vendor_control import UNTOUCHED, Control
from domain.vendor_states import InstanceState, VendorState
from domain.vendors import VendorPolicy
from domain.webhooks import EventState, Notice, WebhookEvent


class FakeJobs:
    """A `JobIntake` and a `JobReader` over one dictionary; `put` is what a worker would do."""

    def __init__(self, *jobs: Job) -> None:
        self.stored: dict[UUID, Job] = {job.id: job for job in jobs}
        self.down = False
        self.taken_in = asyncio.Event()
        self.waiting = asyncio.Event()  # set while somebody waits for a change
        self._changed = asyncio.Condition()

    async def put(self, job: Job) -> None:
        async with self._changed:
            self.stored[job.id] = job
            self._changed.notify_all()

    async def take_in(self, job: Job) -> Accepted:
        self._answer()
        earlier = self._replayed(job.client, job.idempotency_key, job.fingerprint)
        if earlier is not None:
            return earlier
        self.stored[job.id] = job
        self.taken_in.set()
        return Accepted(job)

    async def replay(self, client: str, key: str, fingerprint: str) -> Accepted | None:
        self._answer()
        return self._replayed(client, key, fingerprint)

    async def find(self, request_id: UUID, owner: str | None) -> Job | None:
        self._answer()
        job = self.stored.get(request_id)
        return job if job is not None and not job.deleted and owner in (None, job.client) else None

    async def find_many(self, ids: Sequence[UUID], owner: str | None) -> AsyncIterator[list[Job | None]]:
        yield [await self.find(request_id, owner) for request_id in ids[:1]]
        if ids[1:]:
            yield [await self.find(request_id, owner) for request_id in ids[1:]]

    async def list(self, which: JobFilter) -> list[Job]:
        self._answer()
        newest_first = sorted(self.stored.values(), key=lambda job: job.id, reverse=True)
        return [job for job in newest_first if _matches(job, which)][: which.limit]

    async def wait_until_ended(self, request_id: UUID, owner: str | None, seconds: float) -> Job | None:
        if request_id not in self.stored:
            return None
        await self._wait(lambda: self.stored[request_id].ended, seconds)
        return await self.find(request_id, owner)

    async def wait_for_change(self, job: Job, seconds: float) -> Job:
        self.waiting.set()
        try:
            await self._wait(lambda: self.stored[job.id].epoch != job.epoch, seconds)
        finally:
            self.waiting.clear()
        found = await self.find(job.id, None)
        if found is None:
            raise NotFound("Job not found")
        return found

    async def _wait(self, enough: Callable[[], bool], seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(enough)
        except TimeoutError:
            pass

    def _replayed(self, client: str, key: str | None, fingerprint: str | None) -> Accepted | None:
        if key is None:
            return None
        under_key = (job for job in self.stored.values() if (job.client, job.idempotency_key) == (client, key))
        earlier = next(under_key, None)
        if earlier is not None and earlier.fingerprint != fingerprint:
            raise KeyReused("this key came before with another body")
        return None if earlier is None else Accepted(earlier, replayed=True)

    def _answer(self) -> None:
        if self.down:
            raise Unavailable("the store does not answer just now")


class FakeCallers:
    """A `CallerDirectory` of given tokens."""

    def __init__(self, **callers: Caller) -> None:
        self._callers = callers

    async def find(self, bearer_token: str, address: str = "", begun: datetime | None = None) -> Caller | None:
        return self._callers.get(bearer_token)

    def forget(self) -> None:
        self._callers.clear()


class FakeVendorStates:
    """A `VendorStates` of the states put into it; with none, jobs are shown as they tell of themselves."""

    def __init__(self) -> None:
        self.states: dict[str, VendorState] = {}
        self.places: dict[UUID, int] = {}
        self.at: dict[str, Sequence[InstanceState] | None] = {}
        self.switched: list[tuple[str, str, bool]] = []
        self.questions = 0
        self.down = False

    def names(self) -> Sequence[str]:
        return tuple(self.states)

    async def look(self, vendor: str) -> VendorState | None:
        self._answer()
        return self.states.get(vendor)

    async def looks(self, vendors: Collection[str]) -> Mapping[str, VendorState]:
        self._answer()
        return {name: state for name, state in self.states.items() if name in vendors}

    async def instances(self, vendor: str) -> Sequence[InstanceState] | None:
        return self.at.get(vendor, ())

    async def ahead(self, job: Job) -> int | None:
        self._answer()
        return self.places.get(job.id)

    async def pause(self, vendor: str, by: str) -> None:
        self._switch(vendor, by, paused=True)

    async def resume(self, vendor: str, by: str) -> None:
        self._switch(vendor, by, paused=False)

    def _switch(self, vendor: str, by: str, *, paused: bool) -> None:
        self._answer()
        if vendor not in self.states:
            raise NotFound("Vendor not found")
        self.states[vendor] = replace(self.states[vendor], paused=paused)
        self.switched.append((vendor, by, paused))

    def _answer(self) -> None:
        self.questions += 1
        if self.down:
            raise Unavailable("how the vendor stands cannot be read just now")


class FakeVendorControls:
    """A `VendorControls` over two dicts; `meanwhile` is what another changes before the next change here."""

    def __init__(self, **tables: VendorPolicy) -> None:
        self.tables = tables
        self.stored: dict[str, Control] = {}
        self.meanwhile: list[Control] = []
        self.down = False

    def table(self, vendor: str) -> VendorPolicy | None:
        return self.tables.get(vendor)

    async def find(self, vendor: str) -> Control:
        if self.down:
            raise Unavailable("the store is away")
        return self.stored.get(vendor, UNTOUCHED)

    async def change(self, vendor: str, before: Control, after: Control) -> bool:
        if self.meanwhile:
            self.stored[vendor] = self.meanwhile.pop(0)
        if await self.find(vendor) != before:
            return False
        self.stored[vendor] = after
        return True


class FakeHealthCheck:
    """A `HealthCheck` of a part that is up until `fault` says otherwise."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.fault: str | None = None

    async def check(self) -> None:
        if self.fault is not None:
            raise Unavailable(self.fault)


class FakeExposition:
    """An `Exposition` of one figure."""

    async def text(self) -> bytes:
        return b"gateway_jobs_accepted_total 1.0\n"


def _matches(job: Job, which: JobFilter) -> bool:
    return (
        not job.deleted
        and which.owner in (None, job.client)
        and which.vendor in (None, job.vendor)
        and which.status in (None, job.status)
        and (which.created_after is None or job.created_at > which.created_after)
        and (which.before is None or job.id < which.before)
    )


class FakeInbox:
    """A `WebhookInbox` over a list, for one worker to empty."""

    def __init__(self) -> None:
        self.stored: list[WebhookEvent] = []
        self.queued: list[UUID] = []
        self.down = False

    async def take_in(self, event: WebhookEvent) -> StoredEvent:
        if self.down:
            raise Unavailable("the store does not answer just now")
        name = (event.vendor, event.webhook_id)
        earlier = next((known for known in self.stored if (known.vendor, known.webhook_id) == name), None)
        if earlier is not None:
            return StoredEvent.DUPLICATE if earlier.body_hash == event.body_hash else StoredEvent.CONFLICTING
        self.stored.append(event)
        if event.state is EventState.RECEIVED:
            self.queued.append(event.id)
        return StoredEvent.NEW


class FakeWebhookReader:
    """
    A `WebhookReader` of bodies that are a reference. The header `signed` is the event's id.

    A test may say what else it reads, and what either method raises.
    """

    def __init__(self) -> None:
        self.headers: Mapping[str, str] = {}
        self.verifies: Exception | None = None
        self.says: Notice | Exception | None = None

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
        self.headers = headers
        if self.verifies is not None:
            raise self.verifies
        if "signed" not in headers:
            raise BadSignature("the header signed is missing")
        return headers["signed"]

    def read(self, body: bytes) -> Notice:
        if isinstance(self.says, Exception):
            raise self.says
        return self.says or Notice(body.decode(), None, None)


class FakeFailureLimit:
    """A `FailureLimit` that tolerates so many of each sender at each vendor, and forgives none."""

    def __init__(self, tolerated: int) -> None:
        self._tolerated = tolerated
        self.failures: Counter[tuple[str, str]] = Counter()

    def failed(self, who: str, vendor: str) -> timedelta | None:
        self.failures[who, vendor] += 1
        return timedelta(seconds=7) if self.failures[who, vendor] > self._tolerated else None
