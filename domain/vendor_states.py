"""How a vendor stands just now, over the whole fleet: what a job's `stage` and `estimated_start` are made from."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from domain.balancing.instances import Instance
from domain.breakers import UNTRIED, BreakerLook, BreakerState
from domain.jobs import Job
from domain.vendor_control import UNTOUCHED, Control
from domain.vendors import VendorPolicy


@dataclass(frozen=True, slots=True)
class Recent:
    """
    What the last calls came to; durations in milliseconds. Of no calls at all, `calls` is 0 and the rest None.

    A few seconds old, or some more where vendors are many; `UNTOLD` where it could not be read in time.
    """

    calls: int | None = 0
    error_rate: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    starts_per_second: float | None = None


UNTOLD = Recent(calls=None)


@dataclass(frozen=True, slots=True)
class Window:
    """One window of a vendor's limit: in any `span` calls that cost `amount` together, `used` of it just now."""

    amount: int
    span: timedelta  # the policy's guard included
    used: int = 0


@dataclass(frozen=True, slots=True)
class VendorState:
    """One vendor. Read from the stores at `at`, and not older than a second."""

    name: str
    policy: VendorPolicy
    at: datetime
    paused: bool = False
    closed_until: datetime | None = None  # the vendor asked to be left alone (429, 503)
    next_start: datetime | None = None  # when its limit grants the next call; None: at once
    windows: tuple[Window, ...] = ()  # of its limit, none where it has none
    running: int = 0  # calls under way over the fleet
    queued: int = 0  # waiting, scheduled ones included
    due: int = 0  # of these, those that only wait for their turn
    oldest_due: timedelta | None = None
    recent: Recent = Recent()
    table: VendorPolicy | None = None  # what its table says, where `policy` is what an operator made of it
    control: Control = UNTOUCHED
    breaker: BreakerLook = UNTRIED

    @property
    def broken(self) -> bool:
        """Whether nobody calls it but for a probe."""
        return self.breaker.state is not BreakerState.CLOSED


@dataclass(frozen=True, slots=True)
class InstanceState:
    """
    One of a vendor's addresses, as it stands over the whole fleet.

    Whom a worker leaves out by itself (`domain.balancing.ejection`) is for that worker to know.
    """

    instance: Instance
    breaker: BreakerLook


class VendorStandings(Protocol):
    async def all(self) -> Mapping[str, VendorState | None]:
        """
        Every vendor, without what its last calls came to: what needs one question for all of them.

        None where the store does not tell. Raises nothing, and takes a moment at most.
        """
        ...


class VendorStates(Protocol):
    """Raises `Unavailable` when the queue's store does not answer. What the last calls came to may be `UNTOLD`."""

    def names(self) -> Sequence[str]: ...

    async def look(self, vendor: str) -> VendorState | None:
        """The vendor's state; None for one that no table has."""
        ...

    async def looks(self, vendors: Collection[str]) -> Mapping[str, VendorState]:
        """
        The same of many, by one question for all of them.

        Left out are those that no table has, and those whose limit nobody could keep to; nobody because it is slow.
        """
        ...

    async def instances(self, vendor: str) -> Sequence[InstanceState] | None:
        """Of a vendor that has several, in its table's order; none of one that has not. None where nobody can say."""
        ...

    async def ahead(self, job: Job) -> int | None:
        """How many due jobs of its vendor stand before a queued job; None when the queue does not hold it."""
        ...

    async def pause(self, vendor: str, by: str) -> None:
        """Let nobody call it until `resume`, whatever restarts meanwhile. Raises `NotFound`."""
        ...

    async def resume(self, vendor: str, by: str) -> None:
        """Let it be called again; where its breaker is open, by one call at once."""
        ...
