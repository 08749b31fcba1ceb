"""Pages of a list, newest first: how many it holds, where it begins, and how the next one is asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from api.cursors import Cursors, Listed
from api.queries import query_fault
from domain.errors import FieldError, Invalid

DEFAULT_LIMIT = 20
LARGEST_LIMIT = 100

Query = Mapping[str, str]


class Listable(Protocol):
    @property
    def id(self) -> UUID: ...


T = TypeVar("T", bound=Listable)


def read_limit(query: Query, faults: list[FieldError]) -> int:
    text = query.get("limit", str(DEFAULT_LIMIT))
    if text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= LARGEST_LIMIT:
        return int(text)
    faults.append(query_fault("limit", f"must be a number from 1 to {LARGEST_LIMIT}"))
    return DEFAULT_LIMIT


def read_cursor(query: Query, cursors: Cursors, listed: Listed) -> UUID | None:
    """What the page begins after; None: at the newest. Raises `Invalid` for a cursor of anything but this list."""
    if "cursor" not in query:
        return None
    try:
        return cursors.read(query["cursor"], listed)
    except Invalid as fault:
        raise Invalid(f"cursor {fault.detail}", errors=(query_fault("cursor", fault.detail),)) from None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """What of `found`, one more than `limit` if there are more, is shown, and the cursor of the rest."""

    items: Sequence[T]
    next_cursor: str | None

    @classmethod
    def of(cls, found: Sequence[T], limit: int, cursors: Cursors, listed: Listed) -> "Page[T]":
        shown = found[:limit]
        return cls(shown, cursors.write(shown[-1].id, listed) if len(found) > limit else None)


def link_to_next(path: str, query: Query, cursor: str | None) -> dict[str, str]:
    """The header that leads to the page after this one, if there is one (RFC 8288)."""
    return {} if cursor is None else {"Link": f'<{path}?{urlencode({**query, "cursor": cursor})}>; rel="next"'}
