"""Hypothesis strategies that several tests share."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from hypothesis import strategies as st

from domain import interventions, transitions
from domain.jobs import CANCEL, Job, Status
from domain.outcomes import Done, Failed, Outcome, Retry, Waiting
from domain.request_ids import new_request_id
from domain.transitions import Rules
from domain.unknowns import Unknown, cut_by_stop, never_sent, unanswered, worker_died

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def a_job(**fields: Any) -> Job:
    """A pending job, with whatever the test cares about."""
    wanted = {
        "client": "acme",
        "vendor": "sync",
        "payload": "{}",
        "run_at": NOON,
        "deadline": NOON + timedelta(hours=24),
        "created_at": NOON,
        "updated_at": NOON,
        **fields,
    }
    return Job(id=wanted.pop("id", None) or new_request_id(), **wanted)


def outcomes() -> st.SearchStrategy[Outcome | Unknown]:
    """Everything a call may come to for a sync vendor, its worker's death included."""
    seconds = st.integers(0, 600).map(lambda n: timedelta(seconds=n))
    return st.one_of(
        st.just(Done("{}", 200)),
        st.just(Failed("vendor_rejected", "no", 400)),
        st.builds(Retry, st.just("vendor_unavailable"), st.just("busy"), st.none() | seconds, st.booleans()),
        st.just(unanswered("no answer")),
        st.just(cut_by_stop()),
        st.just(never_sent()),
        st.just(worker_died()),
    )


def histories() -> st.SearchStrategy[list[int]]:
    """What happens to a job: each number picks one of the things that may happen to it as it stands (`step_of`)."""
    return st.lists(st.integers(0, 1000), min_size=10, max_size=40)


def step_of(pick: int, job: Job, rules: Rules, now: datetime) -> tuple[str, Callable[[], Job]] | None:
    """The step that a number picks, by name; None where nothing may happen any more."""
    steps = sorted(steps_of(job, rules, now).items())
    return steps[pick % len(steps)] if steps else None


def steps_of(job: Job, rules: Rules, now: datetime) -> dict[str, Callable[[], Job]]:
    """What may happen to a job as it stands, by name; each makes the next state."""
    open_call = interventions.is_called(job)
    steps: dict[str, Callable[[], Job]] = {}
    if open_call:
        steps |= {name: partial(_answered, job, answer, rules, now) for name, answer in _answers(now).items()}
    if job.ended:
        if not open_call and job.status is not Status.COMPLETE:
            steps["retry"] = partial(interventions.retry, job, now)
        if interventions.owes_telling(job):
            steps["tell"] = partial(interventions.begin_to_tell, job, worker="w", key="c", now=now)
        return steps
    if not open_call:
        operation = "poll" if job.vendor_ref else "call"
        steps["start"] = partial(transitions.start, job, worker="w", key="k", now=now, operation=operation)
    if interventions.called_since_retry(job):
        steps["hear_done"] = partial(interventions.hear, job, Done("1"), rules, now)
        steps["hear_failed"] = partial(interventions.hear, job, Failed("vendor_failed", "no"), rules, now)
        steps["progress"] = partial(interventions.note_progress, job, "half way", now)
        steps["look_again"] = partial(interventions.look_again, job, "changed", now)
    steps["cancel"] = partial(interventions.cancel, job, rules, now)
    failed = interventions.overdue(job, rules, now + timedelta(hours=2))
    if failed is not None:
        steps["overdue"] = lambda: failed
    return steps


def _answers(now: datetime) -> dict[str, Outcome | Unknown]:
    return {
        "done": Done("2", 200),
        "failed": Failed("vendor_rejected", "no", 400),
        "waiting": Waiting("ref-1", now + timedelta(hours=1), 202),
        "retry_later": Retry("busy", "500"),
        "crashed": worker_died(),
        "drained": cut_by_stop(),
    }


def _answered(job: Job, answer: Outcome | Unknown, rules: Rules, now: datetime) -> Job:
    """As the worker writes it: an answer that comes late is noted."""
    if job.attempts[-1].operation == CANCEL:
        return interventions.told(job, answer, rules, now)
    return interventions.note_late(job, answer, now) if job.ended else transitions.settle(job, answer, rules, now)
