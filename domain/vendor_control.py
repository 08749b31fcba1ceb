"""
What an operator says of a vendor while the gateway runs: how often, how many at once, how long, how many times.

It wins over the vendor's table, value by value, until it is taken back. Each change is a version of its own: whoever
calls goes by the newest that anybody has gone by.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from domain.errors import Conflict, NotFound, Outdated
from domain.limit_notation import read_smallest
from domain.vendors import VendorPolicy

LEAST_TIMEOUT_SECONDS = 0.1
LONGEST_TIMEOUT_SECONDS = 600.0
MOST_ATTEMPTS = 100
TRIES = 5  # of one change whose author does not mind what others change meanwhile


@dataclass(frozen=True, slots=True)
class Overrides:
    """None is the table's own value."""

    limit: str | None = None
    concurrency: int | None = None
    timeout_seconds: float | None = None
    attempts: int | None = None

    def over(self, policy: VendorPolicy) -> VendorPolicy:
        """What holds. A limit that no call could keep to, since the table's cost has grown, is left out."""
        if self is NOTHING or self == NOTHING:  # asked several times for each job
            return policy
        return replace(
            policy,
            limit=self.limit if self.limit is not None and fits(self.limit, policy.cost) else policy.limit,
            concurrency=policy.concurrency if self.concurrency is None else self.concurrency,
            timeout=policy.timeout if self.timeout_seconds is None else timedelta(seconds=self.timeout_seconds),
            attempts=policy.attempts if self.attempts is None else self.attempts,
        )

    @property
    def given(self) -> Mapping[str, Any]:
        """Those that are not the table's."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


NOTHING = Overrides()


@dataclass(frozen=True, slots=True)
class Control:
    """An operator's word on one vendor. Version 0 is that nobody has ever said anything."""

    version: int = 0
    overrides: Overrides = NOTHING
    changed_by: str | None = None
    changed_at: datetime | None = None

    @property
    def tag(self) -> str:
        """As an entity tag (RFC 9110, section 8.8.3)."""
        return f'"{self.version}"'


UNTOUCHED = Control()


class KnownControls(Protocol):
    """What one process goes by."""

    def of(self, vendor: str) -> Control: ...

    async def look(self) -> None:
        """Go by what is stored from now on. Raises `Unavailable`."""
        ...


class NoControls:
    """`KnownControls` where nobody says anything."""

    def of(self, vendor: str) -> Control:  # noqa: ARG002 - whichever it is
        return UNTOUCHED

    async def look(self) -> None:
        return None


class VendorControls(Protocol):
    """The operators' words in the store. All raise `Unavailable`."""

    def table(self, vendor: str) -> VendorPolicy | None:
        """What the vendor's own table says; None for one that there is not."""
        ...

    async def find(self, vendor: str) -> Control: ...

    async def change(self, vendor: str, before: Control, after: Control) -> bool:
        """Store the next version, and tell the fleet; False where another change was first."""
        ...


@dataclass(frozen=True, slots=True)
class Change:
    """One operator's wish. `values` are of `Overrides`, None for the table's own; `tags` None: whatever the version."""

    values: Mapping[str, Any]
    by: str
    at: datetime
    tags: Collection[str] | None = None


Note = Callable[[Mapping[str, str]], Awaitable[None]]  # puts on record what is about to change


async def change_control(vendor: str, change: Change, controls: VendorControls, note: Note) -> Control:
    """
    The vendor's control with the change in it, on record before it is made.

    One that is made already is not made again, whatever its tags: who lost the answer may repeat it (RFC 9110, section
    13.1.1). Raises `NotFound`, `Outdated`, `Conflict`, `Unavailable`.
    """
    noted: Mapping[str, str] = {}
    for _ in range(TRIES):
        if controls.table(vendor) is None:
            raise NotFound("Vendor not found")
        before = await controls.find(vendor)
        overrides = replace(before.overrides, **change.values)
        if overrides == before.overrides:
            return before
        if change.tags is not None and before.tag not in change.tags:
            remedy = f"read GET /vendors/{vendor} again, decide anew, and send If-Match: {before.tag}"
            raise Outdated(f"the vendor's control is at version {before.version} by now; {remedy}")
        if (differences := told(before.overrides, overrides)) != noted:
            await note(differences)
            noted = differences
        after = Control(before.version + 1, overrides, change.by, change.at)
        if await controls.change(vendor, before, after):
            return after
    raise Conflict("others change this vendor at the same moment; try again")


def told(before: Overrides, after: Overrides) -> Mapping[str, str]:
    """What differs, for the record of acts."""
    pairs = {each.name: (getattr(before, each.name), getattr(after, each.name)) for each in fields(Overrides)}
    return {name: f"{_shown(old)} → {_shown(new)}" for name, (old, new) in pairs.items() if old != new}


def fits(limit: str, cost: int) -> bool:
    """Whether a call of this cost can ever keep to the limit. What is no limit here a later version may have stored."""
    try:
        return cost <= read_smallest(limit)
    except ValueError:
        return False


def _shown(value: object) -> str:
    return "(table)" if value is None else str(value)
