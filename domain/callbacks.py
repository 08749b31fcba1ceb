"""
Callbacks: the end of a job with a `callback_url`, told to its client by a job of its own.

The child's id is worked out from its parent's, so that making it twice makes one, and the parent can
name it without a look. Its payload is all that the delivery needs: the URL, the event's id, and the body.
"""

from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

import msgspec

from domain.backoff import Schedule
from domain.jobs import Job
from domain.request_ids import derived_id
from domain.submissions import QUEUED_WITHIN

VENDOR = "callback"  # the vendor's name, which no table may take and no client may ask for

# The waits after each of ten tries. Source: what Standard Webhooks 1.0 recommends ("Retry schedule"), ended at 24 h.
SCHEDULE = Schedule(
    (
        timedelta(seconds=5),
        timedelta(minutes=5),
        timedelta(minutes=30),
        *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
    )
)
TRIES = len(SCHEDULE.steps) + 1
# A receiver may ask for twice each step, and its turn may be long in coming.
LIFETIME = 2 * sum(SCHEDULE.steps, timedelta()) + timedelta(days=1)


class HostLimit(Protocol):
    """How often one receiver may be called, over the whole fleet."""

    async def take(self, host: str) -> datetime | None:
        """Take one call of `host`: None, or when it is worth asking again. Never raises: the limit is a courtesy."""
        ...


class Event(msgspec.Struct, frozen=True):
    """What the receiver is told: thin, so that it has to ask us, and nothing leaks to a wrong address."""

    type: str
    timestamp: datetime
    data: dict[str, str]


class Delivery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The payload of a callback's job. `body` is sent byte for byte, the same over every attempt and retry."""

    url: str
    client: str  # whose secret signs
    event_id: str
    body: msgspec.Raw


def callback_id(parent: Job) -> UUID:
    """The id of the job that tells of the parent's end: a UUIDv7 of the parent's time, the rest a hash."""
    # A retry need not make a new generation, but it acknowledges more attempts: each end has a callback of its own.
    life = f"{parent.id}:{VENDOR}:{parent.generation}:{parent.acknowledged}"
    return derived_id(parent.id, life)


def callback_of(parent: Job, *, public_base: str, now: datetime) -> Job:
    """The job that delivers the callback of an ended `parent`, which must have a `callback_url`."""
    made = callback_id(parent)
    return Job(
        id=made,
        client=parent.client,
        vendor=VENDOR,
        payload=_payload(parent, made, public_base),
        priority=parent.priority,
        traceparent=parent.traceparent,
        run_at=now,
        deadline=now + LIFETIME,
        parent=parent.id,
        created_at=now,
        updated_at=now,
        sweep_at=now + QUEUED_WITHIN,
    )


def _payload(parent: Job, made: UUID, public_base: str) -> str:
    data = {
        "request_id": str(parent.id),
        "status": parent.status.value,
        "href": f"{public_base}/jobs/{parent.id}",
    }
    event = Event(f"job.{parent.status.value}", parent.updated_at.astimezone(UTC), data)
    body = msgspec.Raw(msgspec.json.encode(event))
    return msgspec.json.encode(Delivery(parent.callback_url or "", parent.client, f"msg_{made.hex}", body)).decode()
