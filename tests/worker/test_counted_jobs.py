"""Attempts and ends are counted once each, whoever writes them: at the write that is won."""

from datetime import timedelta

from domain.infra.counted_jobs import count_change
from domain.interventions import cancel, hear, note_late
from domain.jobs import Job
from domain.metrics import ATTEMPT_SECONDS, ATTEMPTS, JOBS_ENDED
from domain.outcomes import Done, Retry
from domain.retention import Retention
from domain.tallies import Tallies
from domain.transitions import Rules, settle, start
from domain.unknowns import worker_died
from domain.vendors import VendorPolicy
from tests.strategies import NOON, a_job

RULES = Rules(VendorPolicy(repeatable=True), Retention())
LATER = NOON + timedelta(seconds=2)


def begun() -> Job:
    return start(a_job(), worker="w", key="k", now=NOON)


def counted(*changes: tuple[Job, Job]) -> Tallies:
    counts = Tallies()
    for before, after in changes:
        count_change(counts, before, after)
    return counts


def test_an_attempt_that_ends_its_job_is_both() -> None:
    job = begun()
    counts = counted((a_job(), job), (job, settle(job, Done("1"), RULES, LATER)))
    assert counts.of(ATTEMPTS, job.vendor, "call", "done") == 1
    assert counts.of(JOBS_ENDED, job.vendor, "complete") == 1
    assert counts.of(ATTEMPT_SECONDS, job.vendor) == 1


def test_an_attempt_that_is_tried_again_is_no_end() -> None:
    job = begun()
    counts = counted((job, settle(job, Retry("busy", "it is busy"), RULES, LATER)))
    assert counts.of(ATTEMPTS, job.vendor, "call", "retry") == 1
    assert counts.of(JOBS_ENDED, job.vendor, "complete") == 0


def test_a_dead_workers_attempt_is_counted_by_the_start_that_follows_and_not_timed() -> None:
    job = begun()
    again = start(settle(job, worker_died(), RULES, LATER), worker="v", key="k", now=LATER)
    counts = counted((job, again))
    assert counts.of(ATTEMPTS, job.vendor, "call", "crashed") == 1
    assert counts.of(ATTEMPT_SECONDS, job.vendor) == 0


def test_a_webhook_that_overtook_the_call_closes_its_attempt() -> None:
    job = begun()
    counts = counted((job, hear(job, Done("1"), RULES, LATER)))
    assert counts.of(ATTEMPTS, job.vendor, "call", "done") == 1


def test_a_cancel_ends_the_job_once_and_its_call_counts_when_it_is_over() -> None:
    job = begun()
    cancelled = cancel(job, RULES, LATER)
    counts = counted((job, cancelled))
    assert counts.of(JOBS_ENDED, job.vendor, "cancelled") == 1
    assert counts.of(ATTEMPTS, job.vendor, "call", "done") == 0
    counts = counted((job, cancelled), (cancelled, note_late(cancelled, Done("1"), LATER)))
    assert counts.of(JOBS_ENDED, job.vendor, "cancelled") == 1
    assert counts.of(ATTEMPTS, job.vendor, "call", "done") == 1
