"""An async vendor that lives in the test, and its webhooks as the receiver would have stored them."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from domain.jobs import Job, Priority
from domain.outcomes import Done, Failed, Outcome, Waiting
from domain.ports import Queued
from domain.request_ids import new_request_id
from domain.vendors import Call
from domain.webhooks import EVENTS, EventState, LookAgain, NotForUs, Notice, NotPromised, WebhookEvent
from tests.stores import ScriptedVendor, Stores


class PlainReader:
    """A `WebhookReader` of bodies like `{"ref": …, "job": …, "status": "done", "result": …}`."""

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
        raise NotImplementedError

    def read(self, body: bytes) -> Notice:
        said = json.loads(body)
        if "status" not in said:
            raise NotPromised("no status")
        status = said["status"]
        outcome: Done | Failed | LookAgain | None = None
        if status == "of nobody":
            raise NotForUs("of nobody")
        if status == "changed":
            outcome = LookAgain()
        if status == "done":
            outcome = Done(json.dumps(said.get("result")))
        if status == "failed":
            outcome = Failed("vendor_failed", "it says that it failed")
        job = said.get("job")
        return Notice(said.get("ref"), UUID(job) if job else None, outcome, status)


def accepted(reference: str, within: timedelta = timedelta(hours=1)) -> Waiting:
    return Waiting(reference, datetime.now(UTC) + within, 202)


class AsyncVendor(ScriptedVendor):
    """Takes every job as `ref-<n>` unless told otherwise; can be polled and told of cancels."""

    def __init__(self, answer: Callable[[Call], Awaitable[Outcome]] | None = None, **policy: Any) -> None:
        super().__init__(answer, **policy)
        self.webhooks = PlainReader()
        self.polls: list[tuple[Call, str]] = []
        self.cancels: list[tuple[Call, str]] = []
        self.poll_answers: list[Outcome] = []
        self.cancelled = asyncio.Event()
        self.polled = asyncio.Event()

    async def call(self, call: Call) -> Outcome:
        if self._answer is not None:
            return await super().call(call)
        self.calls.append(call)
        self.called.set()
        return accepted(f"ref-{len(self.calls)}")

    async def poll(self, call: Call, reference: str) -> Outcome:
        self.polls.append((call, reference))
        self.polled.set()
        return self.poll_answers.pop(0) if self.poll_answers else accepted(reference)

    async def cancel(self, call: Call, reference: str) -> None:
        self.cancels.append((call, reference))
        self.cancelled.set()


@dataclass(frozen=True)
class Inbox:
    """Stores events as the receiver does, and tells what became of them."""

    stores: Stores
    known: list[UUID] = field(default_factory=list)

    async def take(self, *, queued: bool = True, vendor: str = "sync", **said: Any) -> WebhookEvent:
        """One webhook: stored, and queued unless the test is about what happens when it is not."""
        event = self.event(vendor, **said)
        await self.stores.database.webhook_events.insert_one(event.model_dump(by_alias=True, exclude_none=True))
        if queued:
            await self.queue(event)
        return event

    def event(self, vendor: str = "sync", **said: Any) -> WebhookEvent:
        now, event_id = datetime.now(UTC), new_request_id()
        body = json.dumps(said, default=str).encode()
        return WebhookEvent(
            id=event_id,
            vendor=vendor,
            webhook_id=str(event_id),
            body_hash=hashlib.sha256(body).hexdigest(),
            body=body,
            reference=said.get("ref"),
            request_id=said["job"] if isinstance(said.get("job"), UUID) else None,
            received_at=now,
            updated_at=now,
            sweep_at=now + timedelta(seconds=5),
            expire_at=now + timedelta(days=30),
        )

    async def queue(self, *events: WebhookEvent) -> None:
        now = datetime.now(UTC)
        await self.stores.queue.enqueue([Queued(event.id, EVENTS, Priority.NORMAL, now) for event in events])

    async def look(self, event: WebhookEvent) -> WebhookEvent:
        return (await self.stores.events.load([event.id]))[event.id]

    async def until(self, event: WebhookEvent, *states: EventState) -> WebhookEvent:
        while (found := await self.look(event)).state not in states:
            await asyncio.sleep(0.01)
        return found

    async def sweep_due(self) -> None:
        """Let the sweep's time come for every event."""
        past = datetime.now(UTC) - timedelta(seconds=1)
        await self.stores.database.webhook_events.update_many({"sweep_at": {"$gt": past}}, {"$set": {"sweep_at": past}})


async def waiting(stores: Stores, job: Job) -> Job:
    """The job once its vendor has taken it."""
    while (found := await stores.look(job)).vendor_ref is None:
        await asyncio.sleep(0.01)
    return found
