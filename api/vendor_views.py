"""A vendor as operators see it: its limits, what they have taken up, and how its calls went lately."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from domain.estimates import drain_time
from domain.vendor_states import VendorState, Window


class WindowView(msgspec.Struct, frozen=True):
    """One window of the limit. `seconds` is its length and the guard for the vendor's jitter."""

    amount: int
    seconds: float
    used: int


class VendorView(msgspec.Struct, frozen=True):
    """One vendor, over the whole fleet, as it stood within the last second. What nobody can say is null."""

    name: str
    paused: Annotated[bool, Meta(description="Nobody calls it until an admin resumes it.")]
    closed_until: Annotated[datetime | None, Meta(description="The vendor asked to be left alone (429, 503).")]
    next_start: Annotated[datetime | None, Meta(description="When its limit grants the next call; null: at once.")]
    limit: str | None
    windows: Annotated[list[WindowView], Meta(description="What of the limit is used just now.")]
    concurrency: Annotated[int | None, Meta(description="Calls at once, at most.")]
    running: Annotated[int, Meta(description="Calls under way.")]
    queued: Annotated[int, Meta(description="Jobs that wait for a call, scheduled ones included.")]
    due: Annotated[int, Meta(description="Of these, those that only wait for their turn.")]
    oldest_due_seconds: Annotated[float | None, Meta(description="How long the first of these has waited.")]
    estimated_drain_seconds: Annotated[float | None, Meta(description="Until all that is due now has started.")]
    recent_calls: Annotated[int, Meta(description="Of so many calls, the last ones, the following is told.")]
    error_rate: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    starts_per_second: float | None


class VendorList(msgspec.Struct, frozen=True):
    """By name, all on one page."""

    items: list[VendorView]
    next_cursor: None


def vendor_view(state: VendorState, now: datetime) -> VendorView:
    recent = state.recent
    return VendorView(
        name=state.name,
        paused=state.paused,
        closed_until=_ahead(state.closed_until, now),
        next_start=_ahead(state.next_start, now),
        limit=state.policy.limit,
        windows=[_window_view(window) for window in state.windows],
        concurrency=state.policy.concurrency,
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
    )


def _drain_seconds(state: VendorState, now: datetime) -> float | None:
    if state.due == 0:
        return 0.0
    drain = drain_time(state, now, state.due - 1)  # until the last of them starts
    return None if drain is None else round(drain.total_seconds(), 1)


def _window_view(window: Window) -> WindowView:
    return WindowView(window.amount, window.span.total_seconds(), window.used)


def _ahead(moment: datetime | None, now: datetime) -> datetime | None:
    return moment if moment is not None and moment > now else None
