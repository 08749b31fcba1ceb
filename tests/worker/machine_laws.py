"""
The laws of a job's life, checked after every step against what was seen before it.

A terminal state is left by a retry only; the epoch grows with every change; one lease, and one call by
whoever holds it; each end with a callback makes one; what the timeline has said it never unsays.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from domain.callbacks import VENDOR as CALLBACKS
from domain.callbacks import callback_id
from domain.jobs import CALL, Attempt, AttemptOutcome, Job, Status
from domain.timeline import last_number
from domain.vendors import Call
from domain.webhooks import EventState, WebhookEvent
from tests.worker.machine_ground import LEASE
from tests.worker.machine_stage import Actor
from tests.worker.machine_vendor import Effect, Ledger, LedgerVendor

NOT_SENT_OR_REFUSED = {AttemptOutcome.RETRY, AttemptOutcome.THROTTLED, AttemptOutcome.RELEASED}
MOVES = {
    EventState.RECEIVED: {EventState.APPLIED, EventState.IGNORED, EventState.PARKED},
    EventState.PARKED: {EventState.RECEIVED, EventState.APPLIED, EventState.IGNORED, EventState.ORPHANED},
    EventState.IGNORED: {EventState.RECEIVED, EventState.APPLIED, EventState.PARKED},
}


@dataclass(frozen=True)
class Seen:
    """All that is stored at one moment."""

    jobs: Mapping[UUID, Job] = field(default_factory=dict)
    events: Mapping[UUID, WebhookEvent] = field(default_factory=dict)
    holders: Mapping[str, str] = field(default_factory=dict)  # who has which lease
    queued: Mapping[str, float] = field(default_factory=dict)

    @property
    def own(self) -> list[Job]:
        """Without the callbacks' jobs, which no worker of ours delivers here."""
        return [job for job in self.jobs.values() if job.vendor != CALLBACKS]


@dataclass
class Chronicle:
    """What was seen and what it must come to."""

    ledger: Ledger
    seen: Seen = field(default_factory=Seen)
    accepted: set[UUID] = field(default_factory=set)
    owed: set[UUID] = field(default_factory=set)  # the callbacks that ends so far have asked for
    workers: dict[str, Actor] = field(default_factory=dict)
    flushed: bool = False
    unharmed: bool = True  # nobody has died, and nothing was forgotten

    def look(self, now: Seen, by: Actor | None) -> None:
        """Check one step of `by`; None is the passing of time."""
        assert self.accepted <= now.jobs.keys(), "an accepted job is gone"
        assert self.seen.events.keys() <= now.events.keys(), "a stored event is gone"
        if by is not None:
            for job in now.own:
                self._check_step(self.seen.jobs.get(job.id), job, now, by)
            for event in now.events.values():
                _check_move(self.seen.events.get(event.id), event, now)
        for request_id in now.holders:
            assert request_id in now.queued, "a leased id stands in no queue: its holder's death would not be seen"
        made = {job.id for job in now.jobs.values() if job.vendor == CALLBACKS}
        assert made <= self.owed, "a callback that no end has asked for"
        self.seen = now

    def _check_step(self, before: Job | None, after: Job, now: Seen, by: Actor) -> None:
        if before is not None and _content(before) != _content(after):
            assert after.epoch > before.epoch, f"changed without a higher epoch: {before!r} to {after!r}"
            _check_end(before, after, by)
            self._check_timeline(before, after, now, by)
        if after.status is Status.COMPLETE:
            self._check_result(after)
        if after.ended and not (before and before.ended) and after.callback_url:
            self.owed.add(callback_id(after))

    def _check_timeline(self, before: Job, after: Job, now: Seen, by: Actor) -> None:
        assert last_number(after) >= last_number(before), "an attempt is gone"
        assert all(attempt.ended_at for attempt in after.attempts[:-1]), "two calls are open"
        for was, now_is in zip(before.attempts, after.attempts, strict=False):
            assert _said(was)[:4] == _said(now_is)[:4], "an attempt became another"
            assert was.outcome in {None, now_is.outcome}, f"{was.outcome} became {now_is.outcome}"
            if was.outcome is None and now_is.outcome is AttemptOutcome.CRASHED and not self.flushed:
                self._check_death(str(after.id), was, now, by)

    def _check_death(self, request_id: str, attempt: Attempt, now: Seen, by: Actor) -> None:
        """Who sleeps through a lease between its question and its word may be late: the sleeper's may be back."""
        if by.slept >= LEASE:
            return
        worker, holder = self.workers[attempt.worker], now.holders.get(request_id, "")
        alive = not worker.crashed and holder.startswith(f"{worker.name}:")
        assert not alive, f"{attempt.worker} was taken for dead, and it holds the lease and calls"

    def _check_result(self, job: Job) -> None:
        effect = self.ledger.effects[json.loads(job.result or "")["effect"] - 1]
        assert (effect.job, effect.word) == (job.id, "done"), "complete by what the vendor never did for it"
        assert effect.key == f"{job.id}:call:{job.generation}", "complete by an effect of another generation"

    def check_call(self, vendor: LedgerVendor, call: Call, job: Job, by: Actor) -> int:
        """Before a call is made; answers in which of the job's lives."""
        earlier = [attempt for attempt in job.attempts if attempt.worker != by.name and attempt.operation == CALL]
        mine = [attempt for attempt in job.attempts if attempt.worker == by.name]
        assert mine, "a call without an intent on record"
        assert mine[-1].key == call.idempotency_key
        life = [attempt for attempt in earlier if job.acknowledged < attempt.number < mine[-1].number]
        if call.operation == CALL and not vendor.policy.repeatable:
            assert all(attempt.outcome in NOT_SENT_OR_REFUSED for attempt in life), "a call that may be the second"
        return job.acknowledged

    def check_effects(self) -> None:
        """Each job has one effect that stands: in each life at a vendor that knows no keys, over all its keys else."""
        places: dict[Any, Effect] = {}
        for effect in self.ledger.effects:
            if effect.stands:
                place = (effect.job, effect.life if effect.vendor == "once" else None)
                other = places.setdefault(place, effect)
                assert other is effect, f"two effects for one job: {other} and {effect}"


def _check_end(before: Job, after: Job, by: Actor) -> None:
    if not before.ended:
        assert after.generation == before.generation
        assert after.acknowledged == before.acknowledged
    elif after.status is before.status:
        assert (before.result, before.error, before.ended_by) == (after.result, after.error, after.ended_by)
    else:
        assert by.kind == "retry", f"{before.status} became {after.status} by a {by.kind}"
        assert (before.status is not Status.COMPLETE, after.status) == (True, Status.PENDING)


def _check_move(before: WebhookEvent | None, after: WebhookEvent, now: Seen) -> None:
    if before is None or before.state is after.state:
        return
    assert after.state in MOVES.get(before.state, ()), f"an event went from {before.state} to {after.state}"
    if after.state is EventState.APPLIED:
        job = now.jobs[after.job] if after.job else None
        assert job is not None
        heard = job.ended_by == after.id or any(progress.event == after.id for progress in job.progress or [])
        assert heard or job.retried_at, "applied, and not on its job"
    if after.job is not None:
        events = [progress.event for progress in now.jobs[after.job].progress or []]
        assert len(events) == len(set(events)), "noted twice"


def _content(job: Job) -> dict[str, Any]:
    return job.model_dump(exclude={"sweep_at"})


def _said(attempt: Attempt) -> tuple[Any, ...]:
    return attempt.number, attempt.worker, attempt.key, attempt.operation
