"""
What both machines share: the stage, the laws, and the rules that let actors step, stall, die and lose what they hold.

Each rule is one step of one actor, or of the world. See `docs/how-a-job-runs.md` for what is to hold.
"""

import itertools
import sys
from collections import Counter
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, ClassVar

from hypothesis import HealthCheck, currently_in_test_context, note, settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyStrategyDefinition
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from domain import matching
from domain.jobs import Job
from domain.vendors import Call
from domain.webhooks import EVENTS, EventState, WebhookEvent
from tests.worker.async_vendor import PlainReader
from tests.worker.machine_crew import Crew, Hands, WatchedQueue
from tests.worker.machine_ground import LEASE, Ground, open_ground
from tests.worker.machine_laws import Chronicle, Seen
from tests.worker.machine_stage import Actor, Pause, Stage, acting
from tests.worker.machine_vendor import Deed, Ledger, LedgerVendor

NAMES = ("keyed", "once", "polled")
GOOD = Deed()
picks = st.integers(0, 99)  # which of several, modulo their number
LONGEST = 60  # steps that an actor takes at once
ROUNDS = 15  # of the calm
POLICIES: dict[str, dict[str, Any]] = {
    "keyed": {"repeatable": True},
    "once": {"repeatable": False},
    "polled": {"repeatable": True, "poll_every": timedelta(seconds=10)},
}


class Play:
    """One example: an empty ground, and whatever the machine lets happen on it."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        loop = ground.runner.get_loop()
        self.stage = Stage(loop)
        self.ledger = Ledger()
        self.chronicle = Chronicle(self.ledger)
        self.broken = False
        vendors = {name: LedgerVendor(name, self.ledger, self._witness, **POLICIES[name]) for name in NAMES}
        self.crew = Crew(ground, self.stage, WatchedQueue(ground), vendors)
        loop.set_task_factory(self.stage.adopt)
        self.run(ground.empty())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        try:
            return self.ground.run(work)
        except BaseException:
            self.broken = True
            raise

    @property
    def jobs(self) -> list[Job]:
        return sorted(self.chronicle.seen.own, key=lambda job: job.id)

    async def enter(self, actor: Actor) -> Actor:
        """Let a new actor come to its first step."""
        self.chronicle.workers[actor.name] = actor
        await self.stage.until_quiet()
        await self.look(actor)
        return actor

    async def step(self, pause: Pause, deed: Deed) -> None:
        if currently_in_test_context():
            note(f"{pause.actor.name}: {pause.what} ({deed.what}, {'heard' if deed.heard else 'not heard'})")
        await self.stage.let_go(pause, deed)
        await self.look(pause.actor)
        if pause.what == "confirmed":
            pause.actor.slept = timedelta(0)
        self.chronicle.check_effects()
        if self.chronicle.unharmed and not self.stage.pauses:
            self._check_looks()

    async def enter_and_go(self, actor: Actor, how_far: int = LONGEST, deed: Deed = GOOD) -> None:
        await self.go(await self.enter(actor), deed, how_far)

    async def go(self, actor: Actor, deed: Deed = GOOD, how_far: int = LONGEST) -> None:
        """So many of the next steps of one actor."""
        for _ in range(how_far):
            mine = [pause for pause in self.stage.pauses if pause.actor is actor]
            if not mine:
                return
            await self.step(mine[0], deed)

    async def look(self, by: Actor | None) -> None:
        self.chronicle.look(await self._seen(), by)

    async def _seen(self) -> Seen:
        jobs = [Job.model_validate(found) async for found in self.ground.database.jobs.find({})]
        events = [WebhookEvent.model_validate(found) async for found in self.ground.database.webhook_events.find({})]
        holders, queued = await self.crew.queue.holders(), await self.crew.queue.scores()
        return Seen({job.id: job for job in jobs}, {event.id: event for event in events}, holders, queued)

    async def _witness(self, vendor: LedgerVendor, call: Call) -> int:
        with self.stage.at_work():
            job = (await self._seen()).jobs[call.request_id]
        return self.chronicle.check_call(vendor, call, job, acting())

    async def pass_time(self, span: timedelta, *, pulse_goes_on: bool) -> None:
        await self.ground.let_pass(span, pulse_goes_on=pulse_goes_on)
        for worker in self.chronicle.workers.values():
            worker.slept += span
        await self.look(None)

    async def flush(self) -> None:
        self.chronicle.flushed, self.chronicle.unharmed = True, False
        await self.ground.redis.flushdb()
        await self.look(None)

    async def renew(self, actor: Actor) -> None:
        """Prolong what it holds, as soon as what it is just giving back is gone."""
        hands: Hands = actor.parts
        actor.do(hands.keeper._renew())
        await self.stage.until_quiet()
        await self.look(actor)

    async def stop(self, actor: Actor) -> None:
        """Its grace is over: its calls are cut."""
        hands: Hands = actor.parts
        hands.runner.cut_calls(hands.vendor)
        await self.stage.until_quiet()
        await self.look(actor)

    async def accept(self, job: Job, *, queued: bool) -> None:
        """A client submits a job; its 202 has gone when this returns."""
        actor = await self.enter(self.crew.submit(job))
        self.chronicle.accepted.add(job.id)
        if queued:
            await self.go(actor)

    async def receive(self, event: WebhookEvent, *, queued: bool) -> Actor:
        """A vendor's webhook comes; its 202 has gone when this returns."""
        actor = await self.enter(self.crew.receive(event))
        if queued:
            await self.go(actor)
        return actor

    async def sweep(self, *, due: bool, how_far: int = LONGEST) -> None:
        """`due` has it look at all that any sweep is ever to look at."""
        if due:
            await self.ground.make_sweep_due()
        await self.enter_and_go(self.crew.sweep(), how_far)

    async def claim_events(self, how_far: int = LONGEST) -> None:
        await self.enter_and_go(self.crew.worker(EVENTS, 10), how_far)

    def crash(self, actor: Actor) -> None:
        self.chronicle.unharmed = False
        self.stage.crash(actor)

    def workers(self) -> list[Actor]:
        """Those that hold something and are alive."""
        at_it = {id(pause.actor): pause.actor for pause in self.stage.pauses}
        return [actor for actor in at_it.values() if isinstance(actor.parts, Hands) and actor.parts.leases]

    async def calm_down(self) -> None:
        """All that goes on comes to its end, and everybody looks at everything until nothing changes."""
        await self._finish_all()
        states = [_standing(self.chronicle.seen)]
        while states[-3:-1] != states[-2:]:  # twice, since a round may only have waited for the grace after a hang
            assert len(states) < ROUNDS, "it does not come to rest"
            await self._round()
            states.append(_standing(self.chronicle.seen))

    async def _finish_all(self) -> None:
        while self.stage.pauses:
            await self.go(self.stage.pauses[0].actor)

    async def _round(self) -> None:
        await self.pass_time(LEASE + timedelta(minutes=1), pulse_goes_on=True)
        await self.sweep(due=True)
        for vendor, apart in [(EVENTS, False), *itertools.product(NAMES, (False, True))]:
            if self.chronicle.seen.queued:
                await self.enter_and_go(self.crew.worker(vendor, 20, apart=apart))
                await self._finish_all()

    def check_rest(self) -> None:
        """What is true when all have done what they can."""
        seen, chronicle = self.chronicle.seen, self.chronicle
        for job in chronicle.seen.own:
            assert job.ended or job.vendor_ref is not None, f"nobody sees to {job!r}"
            assert not job.ended or str(job.id) not in seen.queued, "an ended job is still queued"
            assert not job.ended or not job.follow_ups, f"never done: {job.follow_ups}"
        assert not seen.holders, "a lease outlived its work"
        assert chronicle.owed <= seen.jobs.keys(), "a callback was never made"
        for event in seen.events.values():
            assert event.state is not EventState.RECEIVED, "an event was never applied"
            assert event.state is not EventState.PARKED or self._fit(event) is not matching.Fit.LIVE, "left parked"

    def _check_looks(self) -> None:
        """With all steps taken and nobody harmed, no word waits for a sweep: each side has looked twice."""
        for event in self.chronicle.seen.events.values():
            if event.state is EventState.PARKED and str(event.id) not in self.chronicle.seen.queued:
                assert self._fit(event) is not matching.Fit.LIVE, "parked, while its job waits for it"

    def _fit(self, event: WebhookEvent) -> matching.Fit:
        notice = PlainReader().read(event.body)
        for job in self.jobs:
            if event.vendor == job.vendor and notice.reference is not None and job.vendor_ref == notice.reference:
                return matching.fit_by_reference(job)
            if notice.request_id == job.id:
                return matching.fit_by_id(notice, event.vendor, job)
        return matching.Fit.NONE

    def close(self) -> None:
        try:
            if not self.broken:
                self.run(self.calm_down())
                self.check_rest()
        finally:
            self.ground.run(self.stage.clear())
            self.stage.loop.set_task_factory(None)


def _standing(seen: Seen) -> Any:
    jobs = {job.id: (job.status, job.epoch) for job in seen.jobs.values()}
    return jobs, {event.id: event.state for event in seen.events.values()}


class Machine(RuleBasedStateMachine):
    """What every machine begins and ends with."""

    ground: ClassVar[Ground]
    broken: ClassVar[list[AssertionError]]

    def __init__(self) -> None:
        super().__init__()
        self.play = Play(self.ground)
        self.left: Counter[str] = Counter()  # of each mishap, how many may still come

    @precondition(lambda self: not self.play.stage.pauses)
    @rule()
    def rest(self) -> None:
        """Nothing happens: where all mishaps are used up and nobody is at work, nothing else can."""

    @precondition(lambda self: self.left["crash"] and self.play.stage.pauses)
    @rule(pick=picks)
    def crash(self, pick: int) -> None:
        self.left["crash"] -= 1
        pauses = self.play.stage.pauses
        self.play.crash(pauses[pick % len(pauses)].actor)

    @precondition(lambda self: self.left["flush"])
    @rule()
    def flush(self) -> None:
        self.left["flush"] -= 1
        self.play.run(self.play.flush())

    def teardown(self) -> None:
        if isinstance(fault := sys.exc_info()[1], AssertionError):
            self.broken.append(fault)
        self.play.close()


def rehearse(machine: type[Machine], mongo_url: str, redis_url: str, *, examples: int) -> None:
    """Play `examples` of a machine, three times as many under the profile `faults`. No file is kept of them."""
    many = settings.get_current_profile_name() == "faults"
    how = settings(
        max_examples=examples * (3 if many else 1),
        stateful_step_count=40,
        deadline=None,
        database=None,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    broken: list[AssertionError] = []
    with open_ground(mongo_url, redis_url) as here:
        played = type(machine.__name__, (machine,), {"ground": here, "broken": broken})
        try:
            run_state_machine_as_test(played, settings=how)
        except FlakyStrategyDefinition:  # real stores repeat no play to the step; a broken law stays one
            if broken:
                raise broken[0] from None
