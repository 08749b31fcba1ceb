"""Which jobs are suspected of killing their workers, and when that is proved."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import interventions, transitions
from domain.backoff import Backoff
from domain.interventions import TELL_VENDOR
from domain.jobs import CANCEL, POLL, Job, Status
from domain.outcomes import Done, Outcome, Retry, Waiting
from domain.suspects import CRASHES_ALONE, CRASHES_IN_COMPANY, is_poison, is_suspect, marked_apart
from domain.transitions import Rules
from domain.unknowns import Unknown, cut_by_stop, held_back, never_sent, unanswered, worker_died
from domain.vendors import VendorPolicy
from tests.strategies import NOON, a_job, outcomes

RULES = Rules(VendorPolicy(repeatable=True, backoff=Backoff(0.0, 0.0), attempts=100, poll_every=timedelta(seconds=1)))
THROTTLED = Retry("throttled", "429", timedelta(0), closes_vendor=True)


def run(job: Job, outcome: Outcome | Unknown, *, apart: bool = False, operation: str = "call") -> Job:
    begun = transitions.start(job, worker=f"w{len(job.attempts) + 1}", key="k", now=NOON, operation=operation)
    return transitions.settle(marked_apart(begun) if apart else begun, outcome, RULES, NOON)


def crashed(job: Job, times: int, *, apart: bool = False, operation: str = "call") -> Job:
    for _ in range(times):
        job = run(job, worker_died(), apart=apart, operation=operation)
    return job


def suspect() -> Job:
    return crashed(a_job(), CRASHES_IN_COMPANY)


def test_a_job_is_a_suspect_after_so_many_crashes_in_a_row_and_not_before() -> None:
    before = crashed(a_job(), CRASHES_IN_COMPANY - 1)
    after = run(before, worker_died())
    assert (is_suspect(before), is_suspect(after), after.status) == (False, True, Status.PENDING)


@pytest.mark.parametrize("answer", [Done("1"), Retry("busy", "500"), unanswered("no answer")])
def test_any_end_of_a_call_that_its_worker_lived_to_see_clears_the_suspicion(answer: Outcome | Unknown) -> None:
    cleared = run(crashed(suspect(), CRASHES_ALONE - 1, apart=True), answer, apart=True)
    assert (is_suspect(cleared), cleared.crashes_alone) == (False, 0)


@pytest.mark.parametrize("nothing", [cut_by_stop(), never_sent(), held_back("its limit", NOON), THROTTLED])
def test_what_tells_nothing_of_the_job_neither_clears_nor_counts(nothing: Outcome | Unknown) -> None:
    job = crashed(suspect(), CRASHES_ALONE - 1, apart=True)
    again = run(job, nothing, apart=True)
    assert (is_suspect(again), again.crashes_alone) == (True, CRASHES_ALONE - 1)
    assert run(again, worker_died(), apart=True).status is Status.FAILED


@given(st.lists(outcomes() | st.just(worker_died()), max_size=60))
def test_however_many_workers_die_no_job_is_set_aside_for_crashes_in_company(history: list[Outcome | Unknown]) -> None:
    job = a_job()
    for outcome in history:
        job = run(job, outcome)
        assert not is_poison(job)
        if job.ended:
            assert job.error is None or job.error.code != "poison"
            return


def test_the_third_crash_alone_sets_a_job_aside_with_the_evidence() -> None:
    before = crashed(suspect(), CRASHES_ALONE - 1, apart=True)
    job = run(before, worker_died(), apart=True)
    assert (before.status, job.status, job.tries) == (Status.PENDING, Status.FAILED, 0)
    assert job.error is not None
    assert (job.error.code, job.error.retryable) == ("poison", True)
    assert "attempt 4 (w4), attempt 5 (w5), attempt 6 (w6)" in job.error.message
    assert [attempt.apart for attempt in job.attempts] == [False] * CRASHES_IN_COMPANY + [True] * CRASHES_ALONE


def test_a_retry_by_hand_of_what_was_set_aside_keeps_the_key_and_runs_apart_with_all_its_chances() -> None:
    retried = interventions.retry(crashed(suspect(), CRASHES_ALONE, apart=True), NOON)
    assert (retried.status, retried.generation) == (Status.PENDING, 1)
    assert (is_suspect(retried), retried.crashes, retried.crashes_alone) == (True, 0, 0)
    assert crashed(retried, CRASHES_ALONE - 1, apart=True).status is Status.PENDING
    assert run(retried, Done("1"), apart=True).status is Status.COMPLETE


def test_a_poll_that_kills_whatever_makes_it_sets_the_job_aside_too() -> None:
    waiting = run(a_job(), Waiting("ref-1", NOON + timedelta(hours=1), 202))
    polled = crashed(waiting, CRASHES_IN_COMPANY, operation=POLL)
    assert (polled.status, is_suspect(polled)) == (Status.PROCESSING, True)
    job = crashed(polled, CRASHES_ALONE, apart=True, operation=POLL)
    assert job.error is not None
    assert (job.status, job.error.code) == (Status.FAILED, "poison")


def test_a_poll_apart_that_is_answered_clears_the_suspicion_and_the_job_waits_on() -> None:
    waiting = run(a_job(), Waiting("ref-1", NOON + timedelta(hours=1), 202))
    polled = crashed(waiting, CRASHES_IN_COMPANY, operation=POLL)
    asked = run(polled, Waiting("ref-1", NOON + timedelta(hours=1), 200), apart=True, operation=POLL)
    assert (asked.status, is_suspect(asked)) == (Status.PROCESSING, False)


def told(job: Job, fates: Sequence[bool]) -> Job:
    """Its worker dies while it tells the vendor of the cancel, alone or in company."""
    for apart in fates:
        telling = interventions.begin_to_tell(job, worker="w", key="c", now=NOON)
        job = interventions.told(marked_apart(telling) if apart else telling, worker_died(), RULES, NOON)
    return job


def test_telling_a_vendor_of_a_cancel_makes_suspects_and_is_given_up_after_the_third_crash_alone() -> None:
    owing = interventions.cancel(run(a_job(), Waiting("ref-1", NOON + timedelta(hours=1), 202)), RULES, NOON)
    assert is_suspect(told(owing, [False] * CRASHES_IN_COMPANY))
    known = owing.model_copy(update={"crashes_in_a_row": CRASHES_IN_COMPANY})
    before, after = told(known, [True] * (CRASHES_ALONE - 1)), told(known, [True] * CRASHES_ALONE)
    assert (before.follow_ups, after.follow_ups) == ([TELL_VENDOR], None)
    assert (after.status, after.attempts[-1].operation) == (Status.CANCELLED, CANCEL)
