"""Where a job stands and when its turn comes: each stage, and the laws of an honest estimate."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.breakers import BreakerLook, BreakerState
from domain.estimates import Standing, drain_time, standing_of
from domain.jobs import Attempt, Job, Stage, Status
from domain.vendor_states import UNTOLD, Recent, VendorState, Window
from domain.vendors import VendorPolicy
from tests.strategies import NOON, a_job

SECOND = timedelta(seconds=1)
CALLED = [Attempt(number=1, started_at=NOON, ended_at=NOON, worker="w", key="k")]


def a_vendor(**fields: Any) -> VendorState:
    """A vendor of which one knows that it starts ten calls a second, read at noon."""
    return replace(VendorState("sync", VendorPolicy(), NOON, recent=Recent(starts_per_second=10.0)), **fields)


def standing(job: Job, vendor: VendorState | None, ahead: int | None = 0, now: datetime = NOON) -> Standing:
    found = standing_of(job, now, vendor, ahead)
    assert found is not None
    return found


@pytest.mark.parametrize("status", [Status.COMPLETE, Status.FAILED, Status.CANCELLED])
def test_an_ended_job_stands_nowhere(status: Status) -> None:
    assert standing_of(a_job(status=status), NOON, a_vendor(), 0) is None


def test_a_call_under_way_and_a_wait_for_a_webhook_are_told_by_the_job_alone() -> None:
    closed = a_vendor(closed_until=NOON + SECOND, paused=True)
    assert standing(a_job(status=Status.PROCESSING), closed) == Standing(Stage.CALLING_VENDOR)
    waiting = a_job(status=Status.PROCESSING, vendor_ref="r", waiting_until=NOON + SECOND)
    assert standing(waiting, closed) == Standing(Stage.AWAITING_WEBHOOK, NOON + SECOND)


def test_with_nothing_ahead_and_nothing_closed_it_starts_now() -> None:
    assert standing(a_job(), a_vendor()) == Standing(Stage.QUEUED, estimated_start=NOON)


def test_it_starts_when_those_ahead_have_started() -> None:
    assert standing(a_job(), a_vendor(), ahead=25).estimated_start == NOON + 2.5 * SECOND


def test_a_due_job_of_a_paused_vendor_says_so_and_promises_nothing() -> None:
    paused = a_vendor(paused=True, closed_until=NOON + SECOND)
    assert standing(a_job(), paused) == Standing(Stage.VENDOR_PAUSED)


def test_a_closed_vendor_and_a_limit_that_is_used_up_hold_a_due_job_until_the_later() -> None:
    closed = a_vendor(closed_until=NOON + 5 * SECOND, next_start=NOON + SECOND)
    assert standing(a_job(), closed) == Standing(Stage.RATE_LIMITED, NOON + 5 * SECOND, True, NOON + 5 * SECOND)
    limited = a_vendor(closed_until=NOON - SECOND, next_start=NOON + SECOND)
    assert standing(a_job(), limited) == Standing(Stage.RATE_LIMITED, NOON + SECOND, True, NOON + SECOND)


def test_the_stage_stays_while_the_vendors_state_is_the_same() -> None:
    """A client that waits for a change must not be answered because a cached moment went by."""
    limited = a_vendor(next_start=NOON + 0.3 * SECOND)
    later = NOON + 0.5 * SECOND
    assert standing(a_job(), limited, now=later) == Standing(Stage.RATE_LIMITED, None, True, later)


def test_a_scheduled_job_starts_at_its_time_or_behind_what_is_due_before() -> None:
    scheduled = a_job(run_at=NOON + 60 * SECOND)
    assert standing(scheduled, a_vendor(due=10)) == Standing(
        Stage.SCHEDULED, NOON + 60 * SECOND, estimated_start=NOON + 60 * SECOND
    )
    assert standing(scheduled, a_vendor(due=900)).estimated_start == NOON + 90 * SECOND


def test_a_retry_whose_vendor_is_closed_waits_for_the_later_of_the_two() -> None:
    retrying = a_job(run_at=NOON + 10 * SECOND, attempts=CALLED)
    assert standing(retrying, a_vendor()).stage is Stage.RETRYING
    longer = standing(retrying, a_vendor(closed_until=NOON + 30 * SECOND))
    assert (longer.stage, longer.waiting_until, longer.moves) == (Stage.RATE_LIMITED, NOON + 30 * SECOND, True)
    shorter = standing(retrying, a_vendor(closed_until=NOON + SECOND))
    assert (shorter.stage, shorter.waiting_until, shorter.moves) == (Stage.RATE_LIMITED, NOON + 10 * SECOND, False)


def test_without_the_vendors_state_the_job_tells_what_it_can() -> None:
    assert standing(a_job(waiting_until=NOON - SECOND), None) == Standing(Stage.QUEUED)
    assert standing(a_job(run_at=NOON + SECOND), None) == Standing(Stage.SCHEDULED, NOON + SECOND)


def test_an_open_breaker_holds_due_jobs_and_retries_until_it_ends_and_promises_nothing() -> None:
    opened = a_vendor(breaker=BreakerLook(BreakerState.OPEN, NOON + 5 * SECOND, 5), closed_until=NOON + SECOND)
    assert standing(a_job(), opened) == Standing(Stage.CIRCUIT_OPEN, NOON + 5 * SECOND, True)
    retrying = a_job(run_at=NOON + 10 * SECOND, attempts=CALLED)
    longer = a_vendor(breaker=BreakerLook(BreakerState.OPEN, NOON + 30 * SECOND, 5))
    assert standing(retrying, longer) == Standing(Stage.CIRCUIT_OPEN, NOON + 30 * SECOND, True)
    assert standing(retrying, opened) == Standing(Stage.CIRCUIT_OPEN, NOON + 10 * SECOND)
    scheduled = a_job(run_at=NOON + 60 * SECOND)
    assert standing(scheduled, longer) == Standing(Stage.SCHEDULED, NOON + 60 * SECOND)
    assert drain_time(opened, NOON, 0) is None


def test_while_a_probe_is_under_way_nobody_knows_until_when() -> None:
    probing = a_vendor(breaker=BreakerLook(BreakerState.HALF_OPEN, None, 5))
    assert standing(a_job(), probing) == Standing(Stage.CIRCUIT_OPEN, None, True)
    assert standing(a_job(), replace(probing, paused=True)) == Standing(Stage.VENDOR_PAUSED)


@pytest.mark.parametrize("ahead", [None, 1])
def test_nothing_is_promised_where_nobody_can_say(ahead: int | None) -> None:
    unknown = a_vendor(recent=Recent(starts_per_second=0.0))
    assert standing(a_job(), unknown, ahead) == Standing(Stage.QUEUED)


def test_where_the_last_calls_could_not_be_read_only_what_rests_on_them_is_not_promised() -> None:
    untold = a_vendor(recent=UNTOLD)
    assert standing(a_job(), untold, ahead=25) == Standing(Stage.QUEUED)
    limited = replace(untold, windows=(Window(10, SECOND, 10),))
    assert (
        standing(a_job(), limited, ahead=25).estimated_start
        == standing(a_job(), a_vendor(windows=limited.windows), ahead=25).estimated_start
    )


def test_permits_that_are_free_are_taken_at_once_and_the_rest_at_the_windows_pace() -> None:
    hourly = a_vendor(windows=(Window(10, timedelta(hours=1), used=4),))
    assert drain_time(hourly, NOON, 5) == timedelta(0)
    assert drain_time(hourly, NOON, 6) == timedelta(minutes=6)
    full = a_vendor(windows=(Window(50, SECOND, used=50),), next_start=NOON + SECOND)
    assert drain_time(full, NOON, 100) == 3 * SECOND


def test_of_several_windows_the_slowest_decides() -> None:
    fresh = (Window(50, SECOND), Window(10_000, timedelta(hours=1)))
    used_up = (Window(50, SECOND), Window(10_000, timedelta(hours=1), used=10_000))
    assert drain_time(a_vendor(windows=fresh), NOON, 149) == 2 * SECOND
    assert drain_time(a_vendor(windows=used_up), NOON, 100) == timedelta(seconds=36)


def test_a_call_that_costs_more_takes_longer() -> None:
    costly = a_vendor(policy=VendorPolicy(cost=5), windows=(Window(10, SECOND, used=10),))
    assert drain_time(costly, NOON, 4) == 2 * SECOND


def test_slots_come_free_as_calls_end() -> None:
    busy = a_vendor(policy=VendorPolicy(concurrency=4), running=4, recent=Recent(p50_ms=2_000.0))
    assert drain_time(busy, NOON, 0) == 0.5 * SECOND
    assert drain_time(busy, NOON, 7) == 4 * SECOND
    assert drain_time(replace(busy, running=0), NOON, 3) == timedelta(0)
    assert drain_time(replace(busy, recent=Recent()), NOON, 0) is None


def test_an_estimate_beyond_a_year_is_none() -> None:
    yearly = a_vendor(windows=(Window(1, timedelta(days=360)),))
    assert drain_time(yearly, NOON, 1) == timedelta(days=360)
    assert drain_time(yearly, NOON, 10**18) is None


@st.composite
def vendors(draw: st.DrawFn) -> VendorState:
    moments = st.none() | st.integers(-60, 3600).map(lambda n: NOON + n * SECOND)
    windows = st.builds(Window, st.integers(5, 1000), st.integers(1, 10_000).map(lambda n: n * SECOND))
    rates = st.none() | st.floats(0, 1e6)
    limits = draw(st.lists(windows, max_size=3))
    return a_vendor(
        policy=VendorPolicy(cost=draw(st.integers(1, 5)), concurrency=draw(st.none() | st.integers(1, 100))),
        closed_until=draw(moments),
        next_start=draw(moments),
        windows=tuple(replace(window, used=draw(st.integers(0, window.amount))) for window in limits),
        running=draw(st.integers(0, 200)),
        due=draw(st.integers(0, 10**6)),
        recent=Recent(p50_ms=draw(rates), starts_per_second=draw(rates)),
    )


@given(vendors(), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(-100, 100))
def test_more_ahead_is_never_earlier_and_nothing_starts_in_the_past_or_while_closed(
    vendor: VendorState, fewer: int, more: int, due_in: int
) -> None:
    job = a_job(run_at=NOON + due_in * SECOND)
    first = standing(job, vendor, fewer).estimated_start
    second = standing(job, vendor, fewer + more).estimated_start
    if first is None:
        assert second is None
    elif second is not None:
        assert second >= first >= max(NOON, job.run_at, vendor.closed_until or NOON, vendor.next_start or NOON)
