"""The life of a job: laws that hold for every history, and the single steps."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain import transitions
from domain.backoff import Backoff
from domain.jobs import Job, Status
from domain.outcomes import Done, Failed, Outcome, Retry, Waiting
from domain.timeline import ATTEMPTS_KEPT, last_number
from domain.transitions import Rules
from domain.unknowns import Unknown, never_sent, unanswered
from domain.vendors import VendorPolicy
from tests.strategies import NOON, a_job, outcomes

REPEATABLE = Rules(VendorPolicy(repeatable=True, backoff=Backoff(1.0, 8.0)))
ONCE = Rules(VendorPolicy(repeatable=False))
LATER = NOON + timedelta(seconds=3)


def started(job: Job | None = None) -> Job:
    return transitions.start(job or a_job(), worker="w", key="k", now=NOON)


def settled(outcome: Outcome | Unknown, rules: Rules = REPEATABLE, job: Job | None = None) -> Job:
    return transitions.settle(started(job), outcome, rules, LATER)


@given(st.lists(outcomes(), max_size=80), st.booleans())
def test_every_history_keeps_the_laws(history: list[Outcome | Unknown], repeatable: bool) -> None:
    rules = REPEATABLE if repeatable else ONCE
    job, now = a_job(), NOON
    for outcome in history:
        begun = transitions.start(job, worker="w", key="k", now=now)
        assert begun.epoch == job.epoch + 1
        job = transitions.settle(begun, outcome, rules, now)
        assert job.epoch == begun.epoch + 1
        assert job.tries <= rules.policy.attempts
        assert len(job.attempts) <= ATTEMPTS_KEPT
        assert job.attempts[-1].ended_at == now
        if job.ended:
            break
        assert job.status is Status.PENDING
        assert now <= job.run_at <= job.deadline
        if job.run_at == job.deadline:
            return  # the next start ends it
        now = job.run_at
    if job.ended:
        assert (job.status is Status.COMPLETE) == (job.result is not None)
        assert (job.status is Status.FAILED) == (job.error is not None)
        assert job.expire_at is not None
        assert job.waiting_until is None


@given(st.lists(outcomes(), min_size=1, max_size=20))
def test_a_vendor_that_honours_no_keys_is_never_called_again_blindly(history: list[Outcome | Unknown]) -> None:
    job = a_job()
    for outcome in history:
        job = transitions.settle(started(job), outcome, ONCE, LATER)
        if isinstance(outcome, Unknown) and outcome.sent:
            assert job.error is not None
            assert job.error.code == "outcome_unknown"
        if job.ended:
            return


def test_an_answer_completes_the_job_and_closes_its_attempt() -> None:
    job = settled(Done('{"a":1}', 200))
    assert (job.status, job.result, job.tries) == (Status.COMPLETE, '{"a":1}', 1)
    assert (job.attempts[0].outcome, job.attempts[0].vendor_status, job.attempts[0].latency_ms) == ("done", 200, 3000)


def test_a_refusal_fails_the_job_with_the_vendors_status() -> None:
    job = settled(Failed("vendor_rejected", "it said 422", 422))
    assert job.error is not None
    assert (job.status, job.error.code, job.error.vendor_status) == (Status.FAILED, "vendor_rejected", 422)


def test_the_last_try_fails_the_job() -> None:
    tried = a_job(tries=REPEATABLE.policy.attempts - 1)
    job = settled(Retry("vendor_unavailable", "it said 503", vendor_status=503), job=tried)
    assert job.error is not None
    assert (job.status, job.error.attempts, job.error.retryable) == (Status.FAILED, 5, True)


def test_retry_after_wins_over_the_backoff() -> None:
    job = settled(Retry("vendor_unavailable", "busy", after=timedelta(seconds=77)))
    assert job.run_at == LATER + timedelta(seconds=77)
    assert job.waiting_until == job.run_at


def test_a_closing_answer_costs_no_try() -> None:
    job = settled(Retry("throttled", "429", after=timedelta(seconds=1), closes_vendor=True, vendor_status=429))
    assert (job.tries, job.attempts[0].counted, job.status) == (0, False, Status.PENDING)


def test_a_wait_that_ends_after_the_deadline_fails_at_once() -> None:
    job = settled(Retry("busy", "500", after=timedelta(days=2)))
    assert job.error is not None
    assert job.error.code == "deadline"


def test_a_vendor_that_is_closed_beyond_the_deadline_keeps_the_job_waiting_until_that() -> None:
    job = settled(Retry("throttled", "429", after=timedelta(days=2), closes_vendor=True))
    assert (job.status, job.run_at, job.sweep_at) == (Status.PENDING, job.deadline, job.deadline)


def test_a_forgotten_key_forbids_another_call() -> None:
    rules = Rules(VendorPolicy(repeatable=True, key_lifetime=timedelta(seconds=2)))
    job = settled(unanswered("no answer"), rules)
    assert job.error is not None
    assert job.error.code == "outcome_unknown"


def test_a_drained_call_that_was_never_sent_is_safe_for_any_vendor() -> None:
    job = settled(never_sent(), ONCE)
    assert (job.status, job.tries, job.run_at) == (Status.PENDING, 0, LATER)


def test_a_waiting_job_keeps_the_vendors_reference_and_stays_in_progress() -> None:
    job = settled(Waiting("ref-1", NOON + timedelta(hours=1), 202))
    assert (job.status, job.vendor_ref, job.waiting_until) == (Status.PROCESSING, "ref-1", NOON + timedelta(hours=1))


def test_a_callback_is_owed_when_a_job_ends_and_the_sweep_will_look() -> None:
    job = settled(Done("1"), job=a_job(callback_url="https://acme.example/hook"))
    assert job.follow_ups == ["callback"]
    assert job.sweep_at is not None


def test_old_attempts_are_folded_into_a_count_and_numbers_go_on() -> None:
    job = a_job()
    for _ in range(ATTEMPTS_KEPT + 5):
        job = transitions.settle(started(job), Retry("x", "x", timedelta(0), closes_vendor=True), REPEATABLE, NOON)
    assert job.attempts_folded == 5
    assert job.attempts[-1].number == ATTEMPTS_KEPT + 5


def test_a_key_that_was_forgotten_while_the_job_waited_forbids_the_repeat() -> None:
    rules = Rules(VendorPolicy(repeatable=True, key_lifetime=timedelta(minutes=5)))
    job = settled(unanswered("no answer"), rules)
    assert not transitions.repeat_forbidden(job, rules, LATER)
    assert transitions.repeat_forbidden(job, rules, LATER + timedelta(hours=1))


def test_what_may_have_been_done_is_not_forgotten_by_waiting_for_long() -> None:
    """A refusal a minute, say, while somebody has set a wrong key for a day."""
    rules = Rules(VendorPolicy(repeatable=True, key_lifetime=timedelta(hours=24)))
    doubted, certain = settled(unanswered("no answer"), rules), settled(Retry("busy", "busy", counted=False), rules)
    for _ in range(2 * ATTEMPTS_KEPT):
        doubted, certain = (settled(Retry("busy", "busy", counted=False), rules, job) for job in (doubted, certain))
    assert (len(doubted.attempts), last_number(doubted)) == (ATTEMPTS_KEPT, 2 * ATTEMPTS_KEPT + 1)
    assert [attempt.number for attempt in doubted.attempts][:3] == [1, ATTEMPTS_KEPT + 3, ATTEMPTS_KEPT + 4]
    a_day_later = NOON + timedelta(hours=25)
    assert transitions.repeat_forbidden(doubted, rules, a_day_later)
    assert not transitions.repeat_forbidden(certain, rules, a_day_later)


def test_folded_attempts_count_as_the_keys_first_use() -> None:
    rules = Rules(VendorPolicy(repeatable=True, key_lifetime=timedelta(minutes=5)))
    job = settled(unanswered("no answer"), rules, a_job(attempts_folded=1, created_at=NOON - timedelta(hours=1)))
    assert job.error is not None
    assert job.error.code == "outcome_unknown"
