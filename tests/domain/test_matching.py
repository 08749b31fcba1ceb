"""Which job a webhook speaks of."""

from uuid import uuid4

import pytest

from domain import interventions, transitions
from domain.jobs import Job
from domain.matching import Fit, fit_by_id, fit_by_reference, heard_already
from domain.outcomes import Done, Failed, Waiting
from domain.tombstones import bury
from domain.transitions import Rules
from domain.vendors import VendorPolicy
from domain.webhooks import Notice
from tests.strategies import NOON, a_job

RULES = Rules(VendorPolicy(repeatable=True))


def called(job: Job) -> Job:
    return transitions.start(job, worker="w", key="k", now=NOON)


def taken(job: Job, reference: str = "ref-1") -> Job:
    return transitions.settle(called(job), Waiting(reference, job.deadline), RULES, NOON)


def refused(job: Job) -> Job:
    return interventions.hear(job, Failed("vendor_failed", "no"), RULES, NOON)


NEW = a_job()
RETRIED = interventions.retry(refused(taken(NEW)), NOON)
CANCELLED = interventions.cancel(taken(NEW), RULES, NOON)


@pytest.mark.parametrize(
    ("job", "reference", "fit"),
    [
        (NEW, "ref-1", Fit.NONE),
        (called(NEW), None, Fit.LIVE),
        (called(NEW), "ref-1", Fit.LIVE),
        (taken(NEW), "ref-1", Fit.LIVE),
        (taken(NEW), None, Fit.LIVE),
        (taken(NEW), "ref-2", Fit.EARLIER),
        (CANCELLED, "ref-1", Fit.LATE),
        (bury(CANCELLED, NOON), "ref-1", Fit.LATE),
        (interventions.cancel(NEW, RULES, NOON), "ref-1", Fit.NONE),
        (RETRIED, "ref-1", Fit.EARLIER),
        (RETRIED, "ref-2", Fit.NONE),
        (called(RETRIED), "ref-1", Fit.EARLIER),
        (called(RETRIED), "ref-2", Fit.LIVE),
        (taken(RETRIED, "ref-2"), "ref-1", Fit.EARLIER),
        (taken(RETRIED, "ref-1"), "ref-1", Fit.LIVE),
    ],
    ids=[
        *("never called", "under way", "under way, early reference", "waiting", "waiting, no reference"),
        *("another reference", "cancelled", "deleted", "cancelled before its call"),
        *("retried, old reference", "retried, new reference before the call", "called again, old reference"),
        *("called again, new reference", "waiting again, old reference", "waiting again under the same reference"),
    ],
)
def test_our_own_id_matches_the_generation_that_runs(job: Job, reference: str | None, fit: Fit) -> None:
    assert fit_by_id(Notice(reference, job.id, Done("1")), "sync", job) is fit


def test_our_own_id_from_another_vendor_is_no_match() -> None:
    job = taken(NEW)
    assert fit_by_id(Notice("ref-1", job.id, Done("1")), "other", job) is Fit.NONE


def test_who_has_the_reference_hears_while_he_has_not_ended() -> None:
    assert (fit_by_reference(taken(NEW)), fit_by_reference(CANCELLED)) == (Fit.LIVE, Fit.LATE)


def test_an_event_knows_its_own_mark_on_a_job() -> None:
    event, other = a_job().id, a_job().id
    ended = interventions.hear(taken(NEW), Done("1"), RULES, NOON, event=event)
    noted = interventions.note_progress(taken(NEW), "half way", NOON, event=event)
    noted = interventions.note_progress(noted, "nearly there", NOON, event=other)
    assert [heard_already(job, event) for job in (ended, noted, NEW)] == [True, True, False]
    assert not heard_already(ended, other)


def test_an_event_that_ended_a_generation_before_has_been_heard_by_the_next() -> None:
    events = [uuid4(), uuid4()]
    job = NEW
    for event in events:
        ended = interventions.hear(called(job), Failed("vendor_failed", "no"), RULES, NOON, event=event)
        job = interventions.retry(ended, NOON)
    assert all(heard_already(called(job), event) for event in events)
    assert not heard_already(called(job), uuid4())
