"""
A batch of submissions: one body, and each job in it as good or bad as if it had come alone.

An item is the body of a `POST /jobs` and, beside it, the idempotency key that would have come as a header. Without
the key its text has the fingerprint of that body, so that a job may be repeated either way.
"""

from dataclasses import dataclass

import msgspec

from domain.errors import BadSyntax, FieldError, Invalid
from domain.json_text import read_array, read_object
from domain.submissions import read_idempotency_key
from domain.submitted_fields import refusal

MOST_JOBS = 1_000
LARGEST_BATCH = 16 * 1024 * 1024
KEY = "idempotency_key"


@dataclass(frozen=True, slots=True)
class Item:
    """One job of a batch, before it is looked at any further."""

    body: bytes
    key: str | None


def read_batch(body: bytes) -> list[bytes]:
    """The items, each as it was sent. Raises `BadSyntax` or `Invalid` for the whole of it."""
    items = [bytes(raw) for raw in read_array(body, "jobs")]
    if not 1 <= len(items) <= MOST_JOBS:
        detail = f"must hold 1 to {MOST_JOBS} jobs; this one holds {len(items)}"
        raise Invalid(f"/jobs {detail}", errors=(FieldError("/jobs", detail),))
    return items


def read_item(sent: bytes) -> Item:
    """The item without its key, and the key. Raises `Invalid`."""
    members = read_object(sent)
    key = members.pop(KEY, None)
    return Item(sent, None) if key is None else Item(_rejoined(members), _read_key(bytes(key)))


def _rejoined(members: dict[str, msgspec.Raw]) -> bytes:
    """The same object; a fingerprint sees neither spacing nor order."""
    return b"{" + b",".join(msgspec.json.encode(name) + b":" + bytes(raw) for name, raw in members.items()) + b"}"


def _read_key(raw: bytes) -> str:
    try:
        return read_idempotency_key(msgspec.json.decode(raw, type=str))
    except (msgspec.DecodeError, BadSyntax):
        raise refusal("must be a string of 1 to 255 printable ASCII characters", KEY) from None
