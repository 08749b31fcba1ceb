"""Server-sent events, read (HTML, section 9.2: https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event."""

    id: str
    data: bytes


def read_events(chunks: Iterator[bytes]) -> Iterator[Event]:
    """
    The events among bytes. What breaks off in the midst of one is dropped.

    Lines are cut at line feeds alone: what else `str.splitlines` cuts at may stand in a result.
    """
    name, rest = "", b""
    data: list[bytes] = []
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in (line.removesuffix(b"\r") for line in lines):
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if not line and data:
                yield Event(name, b"\n".join(data))
                data = []
            elif field == b"id":
                name = value.decode("latin-1")
            elif field == b"data":
                data.append(value)
