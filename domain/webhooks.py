"""
Webhooks: what a vendor sends us later, stored before it is answered and applied by a worker.

    received ──► applied       it ended its job, or was noted on its timeline
        │   ├──► ignored       late: the job had ended, or the word is of an earlier generation; or of no job
        │   └──► parked ──►…   early: no job has this reference yet; a day later `orphaned`
    quarantined                verified, but not what the vendor promises: kept as it came, for a person
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.outcomes import Done, Failed

KEPT = timedelta(days=30)  # an event, whatever became of it
PARKED_FOR = timedelta(hours=24)
QUEUED_WITHIN = timedelta(seconds=5)  # stored and not queued by then: the sweep queues it
EVENTS = "$webhooks"  # the events' queue, among those of the vendors: no vendor can have this name


class EventState(StrEnum):
    RECEIVED = "received"
    PARKED = "parked"
    APPLIED = "applied"
    IGNORED = "ignored"
    ORPHANED = "orphaned"
    QUARANTINED = "quarantined"


class WebhookEvent(BaseModel):
    """One event in the inbox; unique by vendor and `webhook_id`."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    id: UUID = Field(alias="_id")  # a UUIDv7
    vendor: str
    webhook_id: str
    body_hash: str  # SHA-256 in hex
    body: bytes  # as it came; empty once `redacted_at` is set
    reference: str | None = None
    request_id: UUID | None = None
    state: EventState = EventState.RECEIVED
    note: str | None = None  # why it is in this state
    job: UUID | None = None  # the job that it was applied to, or that it came too late for
    received_at: datetime
    updated_at: datetime
    sweep_at: datetime | None = None
    redacted_at: datetime | None = None
    expire_at: datetime


@dataclass(frozen=True, slots=True)
class LookAgain:
    """
    Something has changed, and what it is stands with the vendor only: the job is polled now.

    For words that come in any order, twice, late and early: none of them can say how the job stands *now*. `at` is the
    vendor's id of what has changed, where that may be another than its job waits under, and the job may have ended.
    """

    at: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """
    What an event says of one job, in our words. `outcome` None is progress: neither done nor failed.

    At least one of `reference` (the vendor's id of the job) and `request_id` (ours, given back) is there.
    """

    reference: str | None
    request_id: UUID | None
    outcome: Done | Failed | LookAgain | None
    status: str | None = None  # the vendor's own word for it


class NotPromised(Exception):
    """Verified, but not what the vendor's table or adapter promises; the text says what is missing, no secret in it."""


class NotForUs(Exception):
    """Verified and understood, and of no job of ours: kept, and ignored. The text says what it is about."""


class WebhookReader(Protocol):
    """How one vendor signs and spells its webhooks. Neither method raises anything else, whatever a stranger sends."""

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
        """
        The event's id. Header names are in lower case, values as latin-1 text.

        Raises `BadSignature` unless the bytes were signed with a secret that is accepted now.
        """
        ...

    def read(self, body: bytes) -> Notice:
        """What the event says. Raises `NotPromised`, `NotForUs`."""
        ...
