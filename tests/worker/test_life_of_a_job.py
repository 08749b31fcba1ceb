"""
Any order of claims, stalls, crashes, lost leases, webhooks, cancels, retries, deadlines, sweeps and flushes.

The machine lets Hypothesis choose which actor takes its next step on the real stores; `tests/worker/machine.py`
says what is checked after each. Slow: a hundred steps and more an example, each of them a round trip.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from domain.infra.job_control import RETRYABLE
from domain.jobs import Priority, Status
from tests.strategies import a_job
from tests.worker.machine import NAMES, Machine, Play, picks, rehearse
from tests.worker.machine_ground import open_ground
from tests.worker.machine_vendor import Deed, deeds
from tests.worker.machine_webhooks import WORDS, webhook_of

MOST_JOBS = 3
LEASE_OUT = timedelta(minutes=3)
SPANS = [timedelta(seconds=31), *[LEASE_OUT] * 4, timedelta(minutes=25), timedelta(minutes=25), timedelta(hours=25)]
steps = st.integers(0, 6)


class Life(Machine):
    """A fleet whose every step, and every mishap, is a rule. Of mishaps there are few, so that something goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.left = Counter(cancel=1, crash=3, overtake=3, pass_time=2, sweep=3)

    @initialize(
        vendor=st.sampled_from(NAMES),
        told=st.booleans(),
        flushes=st.sampled_from([0, 0, 1]),
        first=st.integers(0, 5),
        second=steps,
        deed=deeds(),
    )
    def begin(self, vendor: str, told: bool, flushes: int, first: int, second: int, deed: Deed) -> None:
        """A job that a worker has taken so far, and then another, who found the lease to be over."""
        self.left["flush"] = flushes
        self._submit(vendor, told, queued=True)
        for how_far in [how_far for how_far in (first, second) if how_far]:
            self.play.run(self.play.pass_time(LEASE_OUT, pulse_goes_on=True))
            self.play.run(self.play.enter_and_go(self.play.crew.worker(vendor, 1), how_far - 1, deed))

    @precondition(lambda self: len(self.play.jobs) < MOST_JOBS)
    @rule(
        vendor=st.sampled_from(NAMES),
        told=st.booleans(),
        later=st.sampled_from([0, 0, 30]),
        priority=st.sampled_from(list(Priority)),
        queued=st.booleans(),
    )
    def submit(self, vendor: str, told: bool, later: int, priority: Priority, queued: bool) -> None:
        self._submit(vendor, told, queued=queued, later=later, priority=priority)

    def _submit(self, vendor: str, told: bool, *, queued: bool, later: int = 0, **fields: Any) -> None:
        now = datetime.now(UTC)
        job = a_job(
            vendor=vendor,
            callback_url="https://acme.example/hook" if told else None,
            run_at=now + timedelta(seconds=later),
            deadline=now + timedelta(hours=1),
            created_at=now,
            updated_at=now,
            sweep_at=now + timedelta(seconds=5),
            **fields,
        )
        self.play.run(self.play.accept(job, queued=queued))

    @precondition(lambda self: self.play.chronicle.seen.queued)
    @rule(pick=picks, how_many=st.integers(1, 2), deed=deeds(), how_far=steps, apart=st.booleans())
    def claim(self, pick: int, how_many: int, deed: Deed, how_far: int, apart: bool) -> None:
        vendor = self.play.jobs[pick % len(self.play.jobs)].vendor
        self.play.run(self.play.enter_and_go(self.play.crew.worker(vendor, how_many, apart=apart), how_far, deed))

    @precondition(lambda self: self.play.chronicle.seen.queued)
    @rule(pick=picks, deed=deeds())
    def run_one(self, pick: int, deed: Deed) -> None:
        vendor = self.play.jobs[pick % len(self.play.jobs)].vendor
        self.play.run(self.play.enter_and_go(self.play.crew.worker(vendor, 1), deed=deed))

    @precondition(lambda self: self.play.stage.pauses)
    @rule(pick=picks, deed=deeds())
    def step(self, pick: int, deed: Deed) -> None:
        pauses = self.play.stage.pauses
        self.play.run(self.play.step(pauses[pick % len(pauses)], deed))

    @precondition(lambda self: self.play.stage.pauses)
    @rule(pick=picks, deed=deeds(), how_far=steps)
    def go_on(self, pick: int, deed: Deed, how_far: int) -> None:
        pauses = self.play.stage.pauses
        self.play.run(self.play.go(pauses[pick % len(pauses)].actor, deed, how_far))

    @precondition(lambda self: self.play.stage.pauses)
    @rule(pick=picks, deed=deeds())
    def finish(self, pick: int, deed: Deed) -> None:
        pauses = self.play.stage.pauses
        self.play.run(self.play.go(pauses[pick % len(pauses)].actor, deed))

    @precondition(lambda self: self.left["overtake"] and self.play.workers())
    @rule(pick=picks, deed=deeds(), how_far=st.integers(2, 6))
    def overtake(self, pick: int, deed: Deed, how_far: int) -> None:
        """All who hold a lease stall until it is over, and another worker takes up what one of them has."""
        self.left["overtake"] -= 1
        workers = self.play.workers()
        vendor = workers[pick % len(workers)].parts.vendor
        self.play.run(self.play.pass_time(LEASE_OUT, pulse_goes_on=True))
        self.play.run(self.play.enter_and_go(self.play.crew.worker(vendor, 2), how_far, deed))

    @precondition(lambda self: self.play.workers())
    @rule(pick=picks)
    def renew(self, pick: int) -> None:
        workers = self.play.workers()
        self.play.run(self.play.renew(workers[pick % len(workers)]))

    @precondition(lambda self: self.play.workers())
    @rule(pick=picks)
    def stop(self, pick: int) -> None:
        workers = self.play.workers()
        self.play.run(self.play.stop(workers[pick % len(workers)]))

    @precondition(lambda self: self.left["sweep"])
    @rule(due=st.booleans(), how_far=steps)
    def sweep(self, due: bool, how_far: int) -> None:
        self.left["sweep"] -= 1
        self.play.run(self.play.sweep(due=due, how_far=how_far))

    @precondition(lambda self: self.left["cancel"])
    @rule(pick=picks, how_far=steps)
    def cancel(self, pick: int, how_far: int) -> None:
        self.left["cancel"] -= 1
        self._ask("cancel", pick, how_far)

    @precondition(lambda self: any(job.status in RETRYABLE for job in self.play.jobs))
    @rule(pick=picks, how_far=steps)
    def retry(self, pick: int, how_far: int) -> None:
        self._ask("retry", pick, how_far)

    def _ask(self, what: str, pick: int, how_far: int) -> None:
        jobs = [job for job in self.play.jobs if (job.status in RETRYABLE) == (what == "retry")]
        if jobs:
            actor = self.play.crew.ask(what, jobs[pick % len(jobs)].id)
            self.play.run(self.play.enter_and_go(actor, how_far))

    @precondition(lambda self: self.play.ledger.accepted())
    @rule(pick=picks, word=st.sampled_from(WORDS), names_us=st.booleans(), queued=st.booleans())
    def webhook(self, pick: int, word: str, names_us: bool, queued: bool) -> None:
        accepted = self.play.ledger.accepted()
        event = webhook_of(accepted[pick % len(accepted)], word, names_us=names_us)
        self.play.run(self.play.receive(event, queued=queued))

    @precondition(lambda self: self.play.chronicle.seen.events)
    @rule(how_far=steps)
    def claim_events(self, how_far: int) -> None:
        self.play.run(self.play.claim_events(how_far))

    @precondition(lambda self: self.left["pass_time"])
    @rule(span=st.sampled_from(SPANS), pulse_goes_on=st.booleans())
    def pass_time(self, span: timedelta, pulse_goes_on: bool) -> None:
        self.left["pass_time"] -= 1
        self.play.run(self.play.pass_time(span, pulse_goes_on=pulse_goes_on))


@pytest.mark.timeout(600)  # a broken law takes minutes to be told in its shortest form
def test_no_order_of_events_breaks_a_law(mongo_database_url: str, redis_database_url: str) -> None:
    rehearse(Life, mongo_database_url, redis_database_url, examples=12)


def test_a_worker_that_overslept_takes_nobody_for_dead(mongo_database_url: str, redis_database_url: str) -> None:
    """One order of many, played every time: it wakes while another calls under a lease of its own."""
    with open_ground(mongo_database_url, redis_database_url) as ground:
        play = Play(ground)
        now = datetime.now(UTC)
        times = {"run_at": now, "created_at": now, "updated_at": now, "deadline": now + timedelta(hours=1)}
        play.run(play.accept(a_job(vendor="once", **times), queued=True))
        sleeper = play.crew.worker("once", 1)
        play.run(play.enter(sleeper))
        play.run(play.pass_time(LEASE_OUT, pulse_goes_on=True))
        play.run(play.enter_and_go(play.crew.worker("once", 1), 4))  # the vendor's answer is on its way
        play.run(play.go(sleeper))
        play.close()
        assert play.jobs[0].status is Status.COMPLETE


@pytest.mark.parametrize(("vendor", "end"), [("keyed", Status.COMPLETE), ("once", Status.FAILED)])
def test_a_worker_that_slept_between_its_question_and_its_word_repeats_nothing(
    mongo_database_url: str, redis_database_url: str, vendor: str, end: Status
) -> None:
    """Another order: the lease was its own when it asked, and is the caller's again when it takes that one for dead."""
    with open_ground(mongo_database_url, redis_database_url) as ground:
        play = Play(ground)
        now = datetime.now(UTC)
        times = {"run_at": now, "created_at": now, "updated_at": now, "deadline": now + timedelta(hours=1)}
        play.run(play.accept(a_job(vendor=vendor, **times), queued=True))
        calling = play.crew.worker(vendor, 1)
        play.run(play.enter_and_go(calling, 3))
        play.run(play.pass_time(LEASE_OUT, pulse_goes_on=True))
        sleeper = play.crew.worker(vendor, 1)
        play.run(play.enter_and_go(sleeper, 2))
        play.run(play.pass_time(LEASE_OUT, pulse_goes_on=False))
        play.run(play.renew(calling))
        play.run(play.go(sleeper))
        play.run(play.go(calling))
        play.close()
        assert play.jobs[0].status is end
        assert len([effect for effect in play.ledger.effects if effect.stands]) == 1
