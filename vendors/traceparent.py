"""The `traceparent` that a vendor is sent (W3C Trace Context, level 1): a child of the client's, or a new one."""

import os
import re
from uuid import UUID

_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})(?P<trace>[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-(?P<flags>[0-9a-f]{2})"
    r"(-.*)?"  # later versions may say more
)


def child_of(parent: str | None, request_id: UUID) -> str:
    """
    The same trace and flags under a new span id.

    A parent that is missing or malformed gives a new trace, named by the request id, so that
    every attempt of one job is found under one trace.
    """
    known = _TRACEPARENT.fullmatch(parent or "")
    trace, flags = (known["trace"], known["flags"]) if known else (request_id.hex, "00")
    return f"00-{trace}-{_new_span_id()}-{flags}"


def _new_span_id() -> str:
    return f"{int.from_bytes(os.urandom(8)) or 1:016x}"  # all zeros would be invalid
