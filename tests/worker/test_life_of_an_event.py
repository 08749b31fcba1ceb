"""
Webhooks in any order: early, late, twice, of unknown references, parked, applied, forgotten by Redis, looked at again.

The vendor takes every job, so that all that happens happens between its word and ours. Slow: see `test_life_of_a_job`.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from domain.jobs import Job, Status
from domain.ports import StoredEvent
from domain.request_ids import new_request_id
from tests.strategies import a_job
from tests.worker.machine import Machine, Play, picks, rehearse
from tests.worker.machine_ground import open_ground
from tests.worker.machine_vendor import Deed
from tests.worker.machine_webhooks import WORDS, event_of, webhook_of

steps = st.integers(0, 6)
taken = st.builds(Deed, st.just("accept"), st.booleans())


def new_job(vendor: str) -> Job:
    now = datetime.now(UTC)
    times = {"run_at": now, "created_at": now, "updated_at": now, "deadline": now + timedelta(hours=30)}
    return a_job(vendor=vendor, callback_url="https://acme.example/hook", sweep_at=now, **times)


class Inbox(Machine):
    """One job or two at a vendor that takes everything, and what it says of them."""

    def __init__(self) -> None:
        super().__init__()
        self.left = Counter(webhook=9, stray=1, again=2, sweep=3, crash=2, flush=1, pass_time=2, ask=1)

    @initialize(
        vendor=st.sampled_from(["keyed", "once"]),
        jobs=st.sampled_from([1, 1, 2]),
        how_far=st.sampled_from([4, 4, 5, 6]),
        early=st.sampled_from([0, 2, 3, 3, 4]),
        harm=st.booleans(),
    )
    def take(self, vendor: str, jobs: int, how_far: int, early: int, harm: bool) -> None:
        """Jobs that their vendor has, whether or not we know it yet, and its word. Without harm no sweep is needed."""
        self.left = self.left if harm else Counter(webhook=1, stray=1, again=1)
        for _ in range(jobs):
            self.play.run(self.play.accept(new_job(vendor), queued=True))
        self.play.run(self.play.enter_and_go(self.play.crew.worker(vendor, jobs), how_far, Deed("accept")))
        if early and self.play.ledger.accepted():
            self.play.run(self.play.receive(webhook_of(self.play.ledger.accepted()[0], "done"), queued=True))
            self.play.run(self.play.claim_events(early - 1))

    @precondition(lambda self: self.play.stage.pauses)
    @rule(pick=picks, deed=taken, how_far=steps)
    def go_on(self, pick: int, deed: Deed, how_far: int) -> None:
        pauses = self.play.stage.pauses
        self.play.run(self.play.go(pauses[pick % len(pauses)].actor, deed, how_far))

    @precondition(lambda self: self.play.chronicle.seen.queued)
    @rule(pick=picks, deed=taken, how_far=steps)
    def claim(self, pick: int, deed: Deed, how_far: int) -> None:
        vendor = self.play.jobs[pick % len(self.play.jobs)].vendor
        self.play.run(self.play.enter_and_go(self.play.crew.worker(vendor, 2), how_far, deed))

    @precondition(lambda self: self.left["webhook"] and self.play.ledger.accepted())
    @rule(pick=picks, word=st.sampled_from(WORDS), names_us=st.booleans(), queued=st.booleans())
    def webhook(self, pick: int, word: str, names_us: bool, queued: bool) -> None:
        self.left["webhook"] -= 1
        accepted = self.play.ledger.accepted()
        event = webhook_of(accepted[pick % len(accepted)], word, names_us=names_us)
        self.play.run(self.play.receive(event, queued=queued))

    @precondition(lambda self: self.left["again"] and self.play.chronicle.seen.events)
    @rule(pick=picks, same=st.booleans())
    def webhook_again(self, pick: int, same: bool) -> None:
        """The vendor heard no answer and sends it again; or something else under the same id."""
        self.left["again"] -= 1
        events = sorted(self.play.chronicle.seen.events.values(), key=lambda event: event.id)
        first = events[pick % len(events)]
        again = first if same else event_of(first.vendor, {"ref": "other", "status": "done"}, first.webhook_id)
        fresh = again.model_copy(update={"id": new_request_id()})
        actor = self.play.run(self.play.receive(fresh, queued=True))
        assert actor.parts is (StoredEvent.DUPLICATE if same else StoredEvent.CONFLICTING)
        assert fresh.id not in self.play.chronicle.seen.events

    @precondition(lambda self: self.left["stray"])
    @rule(word=st.sampled_from(WORDS))
    def webhook_of_nobody(self, word: str) -> None:
        self.left["stray"] -= 1
        stray = event_of(self.play.jobs[0].vendor, {"ref": "unknown", "status": word, "result": 1})
        self.play.run(self.play.receive(stray, queued=True))

    @precondition(lambda self: self.play.chronicle.seen.events)
    @rule(how_far=st.integers(1, 3))
    def claim_events(self, how_far: int) -> None:
        self.play.run(self.play.claim_events(how_far))

    @precondition(lambda self: self.play.chronicle.seen.events)
    @rule()
    def apply_events(self) -> None:
        self.play.run(self.play.claim_events())

    @precondition(lambda self: self.left["sweep"])
    @rule(how_far=steps)
    def sweep(self, how_far: int) -> None:
        self.left["sweep"] -= 1
        self.play.run(self.play.sweep(due=True, how_far=how_far))

    @precondition(lambda self: self.left["ask"])
    @rule(pick=picks, what=st.sampled_from(["cancel", "retry"]), how_far=steps)
    def ask(self, pick: int, what: str, how_far: int) -> None:
        self.left["ask"] -= 1
        job = self.play.jobs[pick % len(self.play.jobs)]
        self.play.run(self.play.enter_and_go(self.play.crew.ask(what, job.id), how_far))

    @precondition(lambda self: self.left["pass_time"])
    @rule(span=st.sampled_from([timedelta(minutes=3), timedelta(minutes=25), timedelta(hours=25)]))
    def pass_time(self, span: timedelta) -> None:
        self.left["pass_time"] -= 1
        self.play.run(self.play.pass_time(span, pulse_goes_on=True))


@pytest.mark.timeout(600)  # a broken law takes minutes to be told in its shortest form
def test_no_order_of_webhooks_breaks_a_law(mongo_database_url: str, redis_database_url: str) -> None:
    rehearse(Inbox, mongo_database_url, redis_database_url, examples=12)


def test_a_word_that_is_parked_while_its_job_gets_its_reference_needs_no_sweep(
    mongo_database_url: str, redis_database_url: str
) -> None:
    """One order of many, played every time: the worker looks for early events before this one is parked."""
    with open_ground(mongo_database_url, redis_database_url) as ground:
        play = Play(ground)
        play.run(play.accept(new_job("keyed"), queued=True))
        caller = play.crew.worker("keyed", 1)
        play.run(play.enter_and_go(caller, 4, Deed("accept")))  # the vendor's answer is on its way
        play.run(play.receive(webhook_of(play.ledger.accepted()[0], "done"), queued=True))
        play.run(play.claim_events(2))  # no job has its reference: about to be parked
        play.run(play.go(caller))
        play.close()
        assert play.jobs[0].status is Status.COMPLETE
