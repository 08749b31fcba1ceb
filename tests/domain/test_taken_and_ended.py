"""What a job carries for others: what its vendor took it with, and what its end asks for."""

from datetime import timedelta

import pytest

from domain import interventions, redaction, transitions
from domain.interventions import CALLBACK, ORDER, TELL_VENDOR, owes_follow_up
from domain.jobs import Job
from domain.outcomes import LARGEST_TAKEN_WITH_BYTES, Done, Failed, Outcome, Waiting
from domain.request_ids import derived_id
from domain.tombstones import bury
from domain.transitions import Rules
from domain.vendors import VendorPolicy
from tests.strategies import NOON, a_job
from worker.storable import storable

RULES = Rules(VendorPolicy(repeatable=True))
PAGE = '{"redirect_url":"https://pay.example/co_1"}'


def waiting(said: str | None = PAGE) -> Waiting:
    return Waiting("ref-1", NOON + timedelta(hours=1), 202, said)


def settled(*outcomes: Outcome, **fields: object) -> Job:
    job = a_job(**fields)
    for outcome in outcomes:
        job = transitions.settle(transitions.start(job, worker="w", key="k", now=NOON), outcome, RULES, NOON)
    return job


def test_what_the_vendor_said_when_it_took_the_job_is_kept_while_it_waits_and_after_its_end() -> None:
    job = settled(waiting())
    assert job.taken_with == PAGE
    polled = transitions.start(job, worker="w", key="k", now=NOON, operation="poll")
    still = transitions.settle(polled, waiting(None), RULES, NOON)
    assert still.taken_with == PAGE
    assert interventions.hear(still, Done("1"), RULES, NOON).taken_with == PAGE


def test_it_goes_with_the_vendors_other_words_and_with_a_retry() -> None:
    ended = interventions.hear(settled(waiting()), Failed("vendor_failed", "no"), RULES, NOON)
    assert redaction.redact(ended, NOON).taken_with is None
    assert bury(ended, NOON).taken_with is None
    assert interventions.retry(ended, NOON).taken_with is None


@pytest.mark.parametrize("said", ["\ud800", '"' + "x" * LARGEST_TAKEN_WITH_BYTES + '"'], ids=["no text", "too long"])
def test_what_cannot_be_kept_of_it_is_dropped_and_the_job_waits_all_the_same(said: str) -> None:
    assert storable(waiting(said)) == waiting(None)
    assert storable(waiting()) == waiting()


@pytest.mark.parametrize("outcome", [Done("1"), Failed("vendor_rejected", "no", 400)], ids=["complete", "failed"])
def test_whatever_a_job_comes_to_its_end_asks_for_what_it_was_to_ask_for(outcome: Outcome) -> None:
    job = settled(outcome, at_end=[ORDER], callback_url="https://acme.example/hook")
    assert job.follow_ups == [CALLBACK, ORDER]
    assert owes_follow_up(job)
    assert (job.expire_at, job.sweep_at is None) == (None, False)
    assert settled(outcome).follow_ups is None


def test_a_cancel_and_a_second_end_ask_for_it_too() -> None:
    cancelled = interventions.cancel(settled(waiting(), at_end=[ORDER]), RULES, NOON)
    assert cancelled.follow_ups == [ORDER, TELL_VENDOR]
    again = interventions.retry(cancelled, NOON)
    assert (again.follow_ups, again.at_end) == (None, [ORDER])
    assert interventions.cancel(again, RULES, NOON).follow_ups == [ORDER]


def test_only_what_others_are_told_is_a_follow_up_of_theirs() -> None:
    cancelled = interventions.cancel(settled(waiting()), RULES, NOON)
    assert cancelled.follow_ups == [TELL_VENDOR]
    assert not owes_follow_up(cancelled)


def test_a_derived_id_is_of_its_parents_time_and_the_same_whoever_derives_it() -> None:
    parent = a_job().id
    made = derived_id(parent, "payment:1")
    assert (made, made.version, made.int >> 80) == (derived_id(parent, "payment:1"), 7, parent.int >> 80)
    assert made not in {parent, derived_id(parent, "payment:2")}
