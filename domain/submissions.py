"""
A submission: a stranger's JSON, checked field by field, and the job that it asks for.

Every fault is named by a JSON Pointer (RFC 6901), and all faults of one body are told at once.
The vendor's payload is looked at only for what RFC 8259 and RFC 7493 ask, and kept as bytes.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

import msgspec

from domain.callers import Caller
from domain.errors import BadSyntax, FieldError, Invalid
from domain.fingerprints import fingerprint
from domain.jobs import Job, Priority
from domain.json_text import pointer_to, read_object
from domain.request_ids import new_request_id
from domain.submitted_fields import (
    read_callback_url,
    read_metadata,
    read_moment,
    read_payload,
    read_priority,
    read_vendor,
    to_milliseconds,
)

FIELDS = ("vendorType", "vendorPayload", "priority", "run_at", "deadline", "callback_url", "metadata")
DEFAULT_LIFETIME = timedelta(hours=24)
QUEUED_WITHIN = timedelta(seconds=5)  # stored and not queued by then: the sweep queues it
MOST_FAULTS = 100  # of one body; an answer need not be larger than the request

_KEY = re.compile(r"[\x20-\x7e]{1,255}")
LONGEST_TRACEPARENT = 512  # characters; level 1 takes 55, and what a later version adds is stored with every job

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Submission:
    """What a client asks for, checked. `body` is all of it as it was sent."""

    body: str
    vendor: str
    payload: str
    priority: Priority
    run_at: datetime
    deadline: datetime
    callback_url: str | None = None
    metadata: dict[str, str] | None = None

    def job(self, caller: Caller, *, key: str | None, now: datetime, traceparent: str | None = None) -> Job:
        """The job to be stored, under a new id. A key makes it the only one of this caller and key."""
        created = to_milliseconds(now)
        return Job(
            id=new_request_id(),
            client=caller.client,
            vendor=self.vendor,
            payload=self.payload,
            metadata=self.metadata,
            priority=self.priority,
            traceparent=traceparent,
            run_at=self.run_at,
            deadline=self.deadline,
            idempotency_key=key,
            fingerprint=None if key is None else fingerprint(self.body),
            callback_url=self.callback_url,
            created_at=created,
            updated_at=created,
            sweep_at=min(max(self.run_at, created) + QUEUED_WITHIN, self.deadline),
        )


def read_submission(
    body: bytes, *, now: datetime, vendors: Collection[str], callbacks_anywhere: bool = False
) -> Submission:
    """
    Check the body of a submission against the vendors that there are.

    In development callbacks may go anywhere, over http too.
    Raises `BadSyntax` when it is not JSON, and `Invalid` with every fault when it is not a submission.
    """
    reading = _Reading(read_object(body), now)
    vendor = reading.require("vendorType", lambda raw: read_vendor(raw, vendors))
    payload = reading.require("vendorPayload", read_payload)
    priority = reading.take("priority", read_priority) or Priority.NORMAL
    run_at, deadline = reading.times()
    callback_url = reading.take("callback_url", lambda raw: read_callback_url(raw, anywhere=callbacks_anywhere))
    metadata = reading.take("metadata", read_metadata)
    reading.refuse_unknown()
    if reading.faults:
        what = "; ".join(f"{fault.pointer} {fault.detail}" for fault in reading.faults[:3])
        raise Invalid(f"this is no submission: {what[:300]}", errors=tuple(reading.faults[:MOST_FAULTS]))
    return Submission(body.decode(), vendor, payload, priority, run_at, deadline, callback_url, metadata)


def read_idempotency_key(text: str) -> str:
    """A usable key, or `BadSyntax`."""
    if not _KEY.fullmatch(text):
        detail = "must be 1 to 255 printable ASCII characters"
        fault = FieldError("/headers/Idempotency-Key", detail)
        raise BadSyntax(f"Idempotency-Key {detail}", errors=(fault,))
    return text


def read_traceparent(text: str | None) -> str | None:
    """The caller's trace (W3C Trace Context, level 1) if it is well-formed; otherwise there is none."""
    if text is None or len(text) > LONGEST_TRACEPARENT or not _TRACEPARENT.fullmatch(text):
        return None
    return None if text.startswith("00") and len(text) != 55 else text


class _Reading:
    """One body while it is read: the members that are left, and the faults found so far."""

    def __init__(self, members: dict[str, msgspec.Raw], now: datetime) -> None:
        self._members = members
        self._now = to_milliseconds(now)
        self.faults: list[FieldError] = []

    def take(self, name: str, read: Callable[[bytes], _T]) -> _T | None:
        """The member `name`, read; None where it is absent or has a fault, which is kept."""
        raw = self._members.pop(name, None)
        if raw is None:
            return None
        try:
            return read(bytes(raw))
        except Invalid as fault:
            self.faults += fault.errors
            return None

    def require(self, name: str, read: Callable[[bytes], str]) -> str:
        if name not in self._members:
            self.faults.append(FieldError(pointer_to(name), "is missing; it is required"))
        return self.take(name, read) or ""

    def times(self) -> tuple[datetime, datetime]:
        run_at = self.take("run_at", lambda raw: read_moment(raw, self._now, "run_at")) or self._now
        deadline = self.take("deadline", lambda raw: read_moment(raw, self._now, "deadline"))
        if deadline is not None and deadline <= max(run_at, self._now):
            self.faults.append(FieldError("/deadline", "must be later than now and than run_at"))
        return run_at, deadline or run_at + DEFAULT_LIFETIME

    def refuse_unknown(self) -> None:
        detail = f"is not a field of a submission; these are: {', '.join(FIELDS)}"
        self.faults += (FieldError(pointer_to(name), detail) for name in islice(self._members, MOST_FAULTS))
