"""Hypothesis strategies that several tests share."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from domain.jobs import Job
from domain.outcomes import Done, Failed, Outcome, Retry
from domain.request_ids import new_request_id
from domain.transitions import Unknown, cut_by_stop, never_sent, unanswered, worker_died

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
