"""What others than the calling worker do to a job: laws that hold for every history, and the single steps."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import interventions, transitions
from domain.backoff import Backoff
from domain.interventions import CALLBACK, TELL_VENDOR, TELLS_ALLOWED
from domain.jobs import CANCEL, Attempt, AttemptOutcome, Job, Status
from domain.outcomes import Done, Failed, Outcome, Retry, Waiting
from domain.timeline import last_number
from domain.transitions import Rules
from domain.unknowns import Unknown, held_back, unanswered, worker_died
from domain.vendors import VendorPolicy
from domain.waiting import SOONEST_POLL
from tests.strategies import NOON, a_job, histories, step_of

RULES = Rules(VendorPolicy(repeatable=True, backoff=Backoff(1.0, 8.0)))
POLLED = Rules(VendorPolicy(repeatable=True, poll_every=timedelta(minutes=1)))
SECOND = timedelta(seconds=1)
TAKEN = Waiting("ref-1", NOON + timedelta(hours=1), 202)
NO = Failed("vendor_failed", "it says no")


def called(job: Job | None = None, now: datetime = NOON) -> Job:
    return transitions.start(job or a_job(), worker="w", key="k", now=now)


def taken(job: Job | None = None, *, until: timedelta = timedelta(hours=1)) -> Job:
    return transitions.settle(called(job), Waiting("ref-1", NOON + until, 202), RULES, NOON)


@given(histories())
def test_every_history_keeps_the_laws(history: list[int]) -> None:
    job, now, generations_that_failed = a_job(callback_url="https://acme.example/hook"), NOON, 0
    for pick in history:
        now += SECOND
        step = step_of(pick, job, RULES, now)
        if step is None:
            assert job.ended
            return
        name, after = step[0], step[1]()
        assert after.epoch > job.epoch
        if job.ended:
            assert name == "retry" or after.status is job.status
            assert name == "retry" or (after.result, after.error) == (job.result, job.error)
        if name == "retry":
            generations_that_failed += not interventions.may_have_acted(job)
        else:
            assert after.generation == job.generation
        assert after.generation == 1 + generations_that_failed
        assert last_number(after) >= last_number(job)
        assert after.tries <= RULES.policy.attempts + 1  # a call whose job was cancelled and retried meanwhile
        assert (after.expire_at is not None) == (after.ended and not after.follow_ups)
        assert (after.kept_until is not None) == (after.ended and bool(after.follow_ups))
        assert after.ended or after.sweep_at is not None
        job = after


def test_a_webhook_closes_the_call_that_it_overtook_and_names_itself() -> None:
    event = a_job().id
    job = interventions.hear(called(), Done("1"), RULES, NOON + SECOND, event=event)
    assert (job.status, job.result, job.ended_by, job.tries) == (Status.COMPLETE, "1", event, 1)
    assert job.attempts[0].latency_ms == 1000


def test_a_webhook_during_a_poll_uses_up_no_try() -> None:
    polled = transitions.start(taken(), worker="w", key="p", now=NOON, operation="poll")
    assert interventions.hear(polled, NO, RULES, NOON).tries == 1


def test_of_much_progress_the_latest_is_kept() -> None:
    job = taken()
    for percent in range(interventions.PROGRESS_KEPT + 5):
        job = interventions.note_progress(job, f"{percent} %", NOON)
    assert job.progress is not None
    assert (len(job.progress), job.progress[-1].status) == (interventions.PROGRESS_KEPT, "54 %")


@pytest.mark.parametrize(
    ("ended", "same_key"),
    [
        (interventions.hear(taken(), NO, RULES, NOON), False),
        (interventions.cancel(a_job(), RULES, NOON), False),
        (interventions.cancel(called(), RULES, NOON), True),
        (interventions.note_late(interventions.cancel(called(), RULES, NOON), Done("1", 200), NOON), True),
        (interventions.note_late(interventions.cancel(called(), RULES, NOON), NO, NOON), False),
        (interventions.cancel(taken(), RULES, NOON), True),
        (interventions.overdue(taken(), RULES, NOON + timedelta(hours=2)), True),
        (transitions.settle(called(), NO, RULES, NOON), False),
    ],
    ids=["told no", "never called", "call under way", "done late", "refused late", "taken", "never told", "refused"],
)
def test_a_retry_takes_a_new_key_only_when_the_vendor_has_not_acted(ended: Job, same_key: bool) -> None:
    again = interventions.retry(ended, NOON + SECOND)
    assert (again.generation == 1) is same_key
    assert (again.status, again.tries, again.error, again.follow_ups, again.expire_at) == (
        "pending",
        0,
        None,
        None,
        None,
    )


UNREADABLE = Failed("reply_not_json", "it says that it is JSON and is not", 200)


def given_up(job: Job | None = None) -> Job:
    """Refused until its tries were used up: nobody has said no for good."""
    job = job or a_job()
    while not job.ended:
        job = transitions.settle(called(job), Retry("vendor_unavailable", "it answered 500"), RULES, NOON)
    return job


def unanswered_first() -> Job:
    return transitions.settle(called(), unanswered("cut"), RULES, NOON)


def test_a_retry_keeps_the_key_after_a_success_that_could_not_be_read() -> None:
    failed = transitions.settle(called(), UNREADABLE, RULES, NOON)
    assert interventions.retry(failed, NOON).generation == 1
    assert failed.error is not None
    assert not failed.error.retryable  # a vendor that honours no keys would act a second time


def test_a_retry_keeps_the_key_where_refusals_followed_a_call_that_may_have_acted() -> None:
    assert interventions.retry(given_up(), NOON).generation == 2
    assert interventions.retry(given_up(unanswered_first()), NOON).generation == 1


def test_what_may_have_acted_before_one_retry_is_still_known_at_the_next() -> None:
    again = interventions.retry(given_up(unanswered_first()), NOON)
    assert interventions.retry(given_up(again), NOON).generation == 1
    assert interventions.retry(interventions.cancel(again, RULES, NOON), NOON).generation == 1


def test_the_vendors_no_to_a_repeated_call_is_the_end_of_the_doubt() -> None:
    refused = transitions.settle(called(unanswered_first()), NO, RULES, NOON)
    assert interventions.retry(refused, NOON).generation == 2


def test_each_retry_has_as_long_as_the_first_run_had() -> None:
    job = a_job()
    for days in (3, 10):
        cancelled = interventions.cancel(job, RULES, NOON + timedelta(days=days))
        job = interventions.retry(cancelled, NOON + timedelta(days=days))
        assert job.deadline - NOON == timedelta(days=days, hours=24)


def test_a_retry_remembers_whose_word_is_no_longer_its_own() -> None:
    job = interventions.retry(interventions.hear(taken(), NO, RULES, NOON), NOON)
    assert (job.vendor_ref, job.former_refs) == (None, ["ref-1"])


@pytest.mark.parametrize(
    ("job", "hours", "code"),
    [
        (taken(), 0.5, None),
        (taken(), 1, "webhook_deadline"),
        (taken(until=timedelta(days=9)), 24, "deadline"),
        (a_job(), 24, "deadline"),
        (called(), 24, None),
        (called(), 25, "outcome_unknown"),
        (interventions.cancel(a_job(), RULES, NOON), 99, None),
    ],
    ids=["in time", "not told", "told of a later deadline", "not started", "under way", "abandoned", "ended"],
)
def test_a_job_is_overdue_when_its_time_is_up_and_no_call_will_tell(job: Job, hours: float, code: str | None) -> None:
    failed = interventions.overdue(job, RULES, NOON + timedelta(hours=hours))
    assert (failed.error.code if failed is not None and failed.error is not None else None) == code


def test_a_late_answer_is_on_the_timeline_and_changes_nothing_else() -> None:
    cancelled = interventions.cancel(called(), RULES, NOON)
    noted = interventions.note_late(cancelled, Done('"late"', 200), NOON + SECOND)
    assert (noted.status, noted.result, noted.follow_ups) == (Status.CANCELLED, None, None)
    assert (noted.attempts[0].outcome, noted.attempts[0].vendor_status) == (AttemptOutcome.DONE, 200)


def test_a_vendor_that_takes_a_cancelled_job_is_to_be_told() -> None:
    job = a_job(callback_url="https://acme.example/hook")
    cancelled = interventions.cancel(called(job), RULES, NOON)
    noted = interventions.note_late(cancelled, Waiting("ref-1", NOON, 202), NOON + SECOND)
    assert (noted.vendor_ref, noted.follow_ups) == ("ref-1", [CALLBACK, TELL_VENDOR])


def test_a_vendor_that_takes_a_job_which_its_own_word_has_ended_is_not_told() -> None:
    ended = interventions.hear(called(), Done("1"), RULES, NOON)
    noted = interventions.note_late(ended, Waiting("ref-1", NOON, 202), NOON)
    assert (noted.vendor_ref, noted.follow_ups, noted.status) == ("ref-1", None, Status.COMPLETE)


def telling(job: Job) -> Job:
    return interventions.begin_to_tell(job, worker="w", key="c", now=NOON)


def owing() -> Job:
    return interventions.cancel(taken(), RULES, NOON)


def test_a_vendor_that_heard_of_the_cancel_is_owed_nothing_more() -> None:
    told = interventions.told(telling(owing()), Done("null"), RULES, NOON)
    assert (told.follow_ups, told.sweep_at, told.status, told.tries) == (None, None, Status.CANCELLED, 1)
    assert told.attempts[-1].operation == CANCEL


@given(st.lists(st.sampled_from([unanswered("no answer"), Retry("busy", "500"), worker_died()]), min_size=9))
def test_telling_is_given_up_after_so_many_tries(answers: list[Outcome | Unknown]) -> None:
    job = owing()
    for tries, answer in enumerate(answers, start=1):
        job = interventions.told(telling(job), answer, RULES, NOON)
        assert interventions.owes_telling(job) == (tries < TELLS_ALLOWED)
        if not interventions.owes_telling(job):
            return
        assert job.run_at <= NOON + 8 * SECOND


def test_a_vendor_that_must_not_be_called_just_now_is_told_later_and_no_try_is_used_up() -> None:
    job = interventions.told(telling(owing()), held_back("paused", NOON + SECOND), RULES, NOON)
    assert (interventions.owes_telling(job), job.run_at, interventions.tells_made(job)) == (True, NOON + SECOND, 0)


def test_a_job_that_was_retried_while_its_vendor_was_told_goes_on() -> None:
    retried = interventions.retry(telling(owing()), NOON)
    job = interventions.told(retried, unanswered("no answer"), RULES, NOON)
    assert (job.status, job.run_at, job.attempts[-1].ended_at) == (Status.PENDING, retried.run_at, NOON)


def test_a_poll_that_brings_no_word_uses_up_no_try_and_is_made_again() -> None:
    rules = Rules(VendorPolicy(poll_every=timedelta(seconds=30)))
    polling = transitions.start(taken(), worker="w", key="p", now=NOON, operation="poll")
    waits: dict[str, Callable[[], Outcome | Unknown]] = {
        "still at it": lambda: Waiting("ref-1", NOON, 200),
        "busy": lambda: Retry("busy", "500"),
        "no answer": lambda: unanswered("no answer"),
    }
    for answer in waits.values():
        job = transitions.settle(polling, answer(), rules, NOON)
        assert (job.status, job.vendor_ref, job.tries) == (Status.PROCESSING, "ref-1", 1)
        assert (job.run_at, job.waiting_until) == (NOON + timedelta(seconds=30), polling.waiting_until)
    asked = transitions.settle(
        polling, Retry("throttled", "429", timedelta(minutes=5), closes_vendor=True), rules, NOON
    )
    assert asked.run_at == NOON + timedelta(minutes=5)
    held = transitions.settle(polling, held_back("its limit", NOON + SECOND), rules, NOON)
    assert held.run_at == NOON + SECOND


def test_the_webhooks_deadline_is_never_after_the_jobs() -> None:
    job = taken(until=timedelta(days=9))
    assert (job.waiting_until, job.sweep_at) == (job.deadline, job.deadline)


def test_an_attempt_without_an_operation_is_a_call() -> None:
    stored = {"number": 1, "started_at": NOON, "worker": "w", "key": "k"}
    assert Attempt.model_validate(stored).operation == "call"


def test_a_word_to_look_again_makes_the_next_poll_due_and_ends_nothing() -> None:
    event, waits = a_job().id, transitions.settle(called(), TAKEN, POLLED, NOON)
    job = interventions.look_again(waits, "changed", NOON + SECOND, event=event)
    assert (job.status, job.run_at, job.look_from, job.epoch) == (
        Status.PROCESSING,
        NOON + SECOND,
        NOON + SECOND,
        waits.epoch + 1,
    )
    assert job.progress is not None
    assert [(said.status, said.event) for said in job.progress] == [("changed", event)]
    assert interventions.is_due_for_a_look(job, NOON + SECOND)


def test_an_answer_to_a_question_that_is_older_than_the_event_is_asked_for_once_more() -> None:
    waits = transitions.settle(called(), TAKEN, POLLED, NOON)
    polled = transitions.start(waits, worker="w", key="p", now=NOON + SECOND, operation="poll")
    told = interventions.look_again(polled, "changed", NOON + 2 * SECOND)
    assert told.run_at == polled.run_at
    again = transitions.settle(told, TAKEN, POLLED, NOON + 3 * SECOND)
    assert again.run_at == NOON + 3 * SECOND + SOONEST_POLL
    fresh = transitions.start(again, worker="w", key="p", now=NOON + 4 * SECOND, operation="poll")
    assert transitions.settle(fresh, TAKEN, POLLED, NOON + 5 * SECOND).run_at == NOON + 65 * SECOND


def test_a_vendor_that_asks_for_quiet_is_left_alone_whatever_events_say() -> None:
    waits = transitions.settle(called(), TAKEN, POLLED, NOON)
    polled = transitions.start(waits, worker="w", key="p", now=NOON, operation="poll")
    told = interventions.look_again(polled, "changed", NOON)
    after = transitions.settle(told, Retry("busy", "429", timedelta(minutes=5), closes_vendor=True), POLLED, NOON)
    assert after.run_at == NOON + timedelta(minutes=5)


def test_a_retried_job_has_forgotten_the_events_of_its_former_life() -> None:
    failed = interventions.hear(interventions.look_again(taken(), "changed", NOON), NO, RULES, NOON)
    assert interventions.retry(failed, NOON).look_from is None
