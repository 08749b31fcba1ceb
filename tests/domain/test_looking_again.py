"""Events that only say "something changed", polls and the change itself, in every order: the change is never missed."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain import interventions, transitions
from domain.jobs import Job, Status
from domain.outcomes import Done, Outcome, Retry, Waiting
from domain.transitions import Rules
from domain.vendors import VendorPolicy
from domain.waiting import SOONEST_POLL
from tests.strategies import NOON, a_job

RULES = Rules(VendorPolicy(repeatable=True, poll_every=timedelta(hours=1)))
OPEN = Waiting("ref-1", NOON + timedelta(days=9))
SECOND = timedelta(seconds=1)
STEPS = st.lists(st.sampled_from(["event", "ask", "answer", "no answer"]), min_size=5, max_size=40)


@given(steps=STEPS, paid_at=st.integers(0, 20))
def test_after_an_event_of_the_change_somebody_asks_at_once_whatever_came_before(
    steps: list[str], paid_at: int
) -> None:
    job = transitions.start(a_job(deadline=NOON + timedelta(days=9)), worker="w", key="k", now=NOON)
    seen, told = False, False  # what the vendor saw when it was asked; whether an event came after it was paid
    for at, step in enumerate(steps):
        now, paid = NOON + (at + 1) * SECOND, at >= paid_at
        called = interventions.is_called(job)
        if step == "event":
            job, told = interventions.look_again(job, "changed", now), told or paid
        elif step == "ask" and not called and job.run_at <= now:
            job, seen, told = transitions.start(job, worker="w", key="p", now=now, operation="poll"), paid, False
        elif step in {"answer", "no answer"} and called:
            job = transitions.settle(job, answer_of(job, seen, step), RULES, now)
            if job.ended:
                assert (job.status, seen) == (Status.COMPLETE, True)
                return
        if told and not interventions.is_called(job):
            assert job.run_at <= now + SOONEST_POLL


def answer_of(job: Job, seen: bool, step: str) -> Outcome:
    """As things stood when it was asked. The first call says that the vendor took it, and no more."""
    if job.vendor_ref is None:
        return OPEN
    if step == "no answer":
        return Retry("vendor_unavailable", "500")
    return Done("1") if seen else OPEN
