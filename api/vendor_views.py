"""A vendor as operators see it: its limits, what they have taken up, and how its calls went lately."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from domain.breakers import BreakerLook, BreakerState
from domain.estimates import drain_time
from domain.vendor_control import Control
from domain.vendor_states import InstanceState, VendorState, Window
from domain.vendors import VendorPolicy


class WindowView(msgspec.Struct, frozen=True):
    """One window of the limit. `seconds` is its length and the guard for the vendor's jitter."""

    amount: int
    seconds: float
    used: int


class CallRules(msgspec.Struct, frozen=True):
    """How a vendor is called. What is null has no bound."""

    limit: str | None
    concurrency: Annotated[int | None, Meta(description="Calls at once, at most.")]
    timeout_seconds: float
    attempts: Annotated[int, Meta(description="Calls of one job, at most.")]


class ControlView(msgspec.Struct, frozen=True):
    """How a vendor is called: what holds, and beside it what its table says. Version 0: nobody has changed it."""

    name: str
    limit: str | None
    concurrency: Annotated[int | None, Meta(description="Calls at once, at most.")]
    timeout_seconds: float
    attempts: Annotated[int, Meta(description="Calls of one job, at most.")]
    table: Annotated[CallRules, Meta(description="What holds where nothing is changed.")]
    overridden: Annotated[list[str], Meta(description="Which of these an admin has set.")]
    version: int
    changed_by: str | None
    changed_at: datetime | None


class BreakerView(msgspec.Struct, frozen=True):
    """The circuit breaker, one for the whole fleet."""

    state: Annotated[
        Literal["closed", "open", "half_open"],
        Meta(description="open: in trouble, nobody calls it; half_open: one call tries whether it is well again."),
    ]
    until: Annotated[datetime | None, Meta(description="When an open one lets that call through.")]
    failures: Annotated[int, Meta(description="In a row, so far.")]


class InstanceView(msgspec.Struct, frozen=True):
    """One of the addresses of a vendor that has several. Its breaker is the whole fleet's."""

    url: str
    weight: int
    breaker: BreakerView


class VendorView(msgspec.Struct, frozen=True):
    """One vendor, over the whole fleet, as it stood within the last second. What nobody can say is null."""

    name: str
    paused: Annotated[bool, Meta(description="Nobody calls it until an admin resumes it.")]
    closed_until: Annotated[datetime | None, Meta(description="The vendor asked to be left alone (429, 503).")]
    next_start: Annotated[datetime | None, Meta(description="When its limit grants the next call; null: at once.")]
    breaker: BreakerView
    limit: str | None
    windows: Annotated[list[WindowView], Meta(description="What of the limit is used just now.")]
    concurrency: Annotated[int | None, Meta(description="Calls at once, at most.")]
    timeout_seconds: float
    attempts: Annotated[int, Meta(description="Calls of one job, at most.")]
    table: Annotated[CallRules, Meta(description="What holds where an admin has changed nothing.")]
    overridden: Annotated[list[str], Meta(description="Which of these an admin has set.")]
    version: Annotated[int, Meta(description="Of these; 0: nobody has changed them.")]
    changed_by: Annotated[str | None, Meta(description="For admins.")]
    changed_at: datetime | None
    running: Annotated[int, Meta(description="Calls under way.")]
    queued: Annotated[int, Meta(description="Jobs that wait for a call, scheduled ones included.")]
    due: Annotated[int, Meta(description="Of these, those that only wait for their turn.")]
    oldest_due_seconds: Annotated[float | None, Meta(description="How long the first of these has waited.")]
    estimated_drain_seconds: Annotated[float | None, Meta(description="Until all that is due now has started.")]
    recent_calls: Annotated[
        int | None,
        Meta(description="Of so many calls, the last ones, the following is told; null: it could not be read in time."),
    ]
    error_rate: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    starts_per_second: float | None
    instances: Annotated[
        list[InstanceView] | None,
        Meta(description="Where it is reached at several addresses. For admins, of one vendor; null in a list."),
    ]


class VendorList(msgspec.Struct, frozen=True):
    """By name, all on one page."""

    items: list[VendorView]
    next_cursor: None


def vendor_view(state: VendorState, now: datetime) -> VendorView:
    recent, control = state.recent, control_view(state.name, state.table or state.policy, state.control)
    return VendorView(
        name=state.name,
        paused=state.paused,
        closed_until=_ahead(state.closed_until, now),
        next_start=_ahead(state.next_start, now),
        limit=control.limit,
        breaker=_breaker_view(state.breaker, now),
        windows=[_window_view(window) for window in state.windows],
        concurrency=control.concurrency,
        timeout_seconds=control.timeout_seconds,
        attempts=control.attempts,
        table=control.table,
        overridden=control.overridden,
        version=control.version,
        changed_by=control.changed_by,
        changed_at=control.changed_at,
        running=state.running,
        queued=state.queued,
        due=state.due,
        oldest_due_seconds=None if state.oldest_due is None else round(state.oldest_due.total_seconds(), 1),
        estimated_drain_seconds=_drain_seconds(state, now),
        recent_calls=recent.calls,
        error_rate=recent.error_rate,
        p50_ms=recent.p50_ms,
        p95_ms=recent.p95_ms,
        p99_ms=recent.p99_ms,
        starts_per_second=recent.starts_per_second,
        instances=None,
    )


def instance_view(state: InstanceState, now: datetime) -> InstanceView:
    return InstanceView(state.instance.url, state.instance.weight, _breaker_view(state.breaker, now))


def control_view(name: str, table: VendorPolicy, control: Control) -> ControlView:
    held = control.overrides.over(table)
    return ControlView(
        name=name,
        limit=held.limit,
        concurrency=held.concurrency,
        timeout_seconds=held.timeout.total_seconds(),
        attempts=held.attempts,
        table=CallRules(table.limit, table.concurrency, table.timeout.total_seconds(), table.attempts),
        overridden=list(control.overrides.given),
        version=control.version,
        changed_by=control.changed_by,
        changed_at=control.changed_at,
    )


def _drain_seconds(state: VendorState, now: datetime) -> float | None:
    if state.due == 0:
        return 0.0
    drain = drain_time(state, now, state.due - 1)  # until the last of them starts
    return None if drain is None else round(drain.total_seconds(), 1)


def _breaker_view(look: BreakerLook, now: datetime) -> BreakerView:
    """An opening that ended since it was read is half open."""
    until = _ahead(look.until, now)
    ended = look.state is BreakerState.OPEN and until is None
    return BreakerView(BreakerState.HALF_OPEN.value if ended else look.state.value, until, look.failures)


def _window_view(window: Window) -> WindowView:
    return WindowView(window.amount, window.span.total_seconds(), window.used)


def _ahead(moment: datetime | None, now: datetime) -> datetime | None:
    return moment if moment is not None and moment > now else None
