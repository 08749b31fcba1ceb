"""The actors: workers, sweeps and API processes, each made of the real parts, with a step between any two writes."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from domain.errors import Conflict, NotFound
from domain.infra.batching import Batcher
from domain.infra.event_store import MongoEventStore
from domain.infra.follow_ups import FollowUps
from domain.infra.inbox import open_inbox
from domain.infra.intake import open_intake
from domain.infra.job_control import MongoJobControl
from domain.infra.job_store import MongoJobStore
from domain.infra.queue import Claim, Lease, Queue, Return
from domain.infra.queue_notices import QueueNotices
from domain.infra.replays import Replays
from domain.jobs import Job
from domain.ports import Queued
from domain.transitions import Rules
from domain.vendors import Vendor, VendorPolicy
from domain.webhooks import EVENTS, WebhookEvent
from tests.worker.machine_ground import LEASE, Ground
from tests.worker.machine_stage import Actor, Stage, acting, stepped
from worker.clock import FleetClock
from worker.events import open_event_runner
from worker.leases import LeaseKeeper
from worker.runner import open_runner
from worker.station import Station
from worker.sweep import Sweep
from worker.verdicts import Elsewhere, Ended, LeaseRunner, Lost, to_return

BASE = "http://gateway.example"


class WatchedQueue(Queue):
    """A queue that checks what the scripts promise, and whose leases age with the machine's time."""

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground.redis, lease=LEASE)
        self._ground = ground
        self._claimed: dict[str, float] = {}

    async def claim(self, vendor: str, how_many: int, token: str, *more: Any, **named: Any) -> Claim:
        before = await self.holders()
        claim = await super().claim(vendor, how_many, token, *more, **named)
        self._claimed[token] = self._ground.passed.total_seconds()
        for lease in claim.leases:
            assert lease.request_id not in before, "a second live lease"
        return claim

    async def enqueue(self, jobs: Sequence[Queued]) -> int:
        before = await self.scores()
        added = await super().enqueue(jobs)
        after = await self.scores()
        assert before.items() <= after.items(), "queueing moved what was queued already"
        return added

    async def still_held(self, leases: Sequence[Lease]) -> list[bool]:
        return await super().still_held([self._aged(lease) for lease in leases])

    def _aged(self, lease: Lease) -> Lease:
        passed = self._ground.passed.total_seconds() - self._claimed[lease.token]
        return replace(lease, claimed_at=lease.claimed_at - passed)

    async def holders(self) -> dict[str, str]:
        """Who has which job's lease."""
        keys = [key async for key in self._redis.scan_iter("arq:in-progress:*")]
        tokens = await self._redis.mget(keys) if keys else []
        return {
            key.decode().removeprefix("arq:in-progress:"): token.decode()
            for key, token in zip(keys, tokens, strict=True)
            if token is not None
        }

    async def scores(self) -> dict[str, float]:
        """When each queued id is looked at."""
        return {
            member.decode(): score
            async for key in self._redis.scan_iter("arq:queue:*")
            for member, score in await self._redis.zrange(key, 0, -1, withscores=True)
        }


class _ActorsFollowUps:
    """A `FollowUpRunner` that does behind an answer's back what an actor of its own does step by step."""

    def __init__(self, crew: "Crew") -> None:
        self._crew = crew

    def soon(self, job: Job) -> None:
        self._crew.stage.begin("follow-up", lambda actor: self._of(actor).do([job]))

    async def do(self, jobs: Sequence[Job]) -> None:
        await self._of(acting()).do(jobs)

    def _of(self, actor: Actor) -> FollowUps:
        made = FollowUps(self._crew.ground.database, stepped(self._crew.queue, actor), BASE)
        made._children._jobs = stepped(made._children._jobs, actor)
        made._store = stepped(made._store, actor)
        return made


@dataclass
class Hands:
    """What the machine reaches of a worker."""

    keeper: LeaseKeeper
    runner: LeaseRunner
    vendor: str
    leases: list[Lease]


@dataclass
class Crew:
    """Makes the actors of one example."""

    ground: Ground
    stage: Stage
    queue: WatchedQueue
    vendors: Mapping[str, Vendor]

    def station(self, actor: Actor, *, apart: bool = False) -> Station:
        database = self.ground.database
        return Station(
            worker=actor.name,
            store=stepped(MongoJobStore(database), actor),
            events=stepped(MongoEventStore(database), actor),
            queue=stepped(self.queue, actor),
            clock=FleetClock(),
            vendors=self.vendors,
            lease=LEASE,
            apart=apart,
            follow_ups=_ActorsFollowUps(self),
        )

    def worker(self, vendor: str, how_many: int, *, apart: bool = False) -> Actor:
        """One claim, and what comes of its leases; `apart`, of the suspects."""
        return self.stage.begin("worker", lambda actor: self._work(actor, vendor, how_many, apart))

    async def _work(self, actor: Actor, vendor: str, how_many: int, apart: bool) -> None:
        station = self.station(actor, apart=apart)
        keeper = LeaseKeeper(station.queue, lease=LEASE)
        open_it = open_event_runner if vendor == EVENTS else open_runner
        async with open_it(station) as runner, Batcher(keeper.give_back, largest=50) as returns:
            claim = await station.queue.claim(vendor, how_many, f"{actor.name}:0", None, apart=apart)
            station.clock.hear(claim.tick)
            actor.parts = Hands(keeper, runner, vendor, claim.leases)
            tasks = []
            for lease in claim.leases:
                tasks.append(asyncio.create_task(_run_one(lease, station.queue, keeper, runner, returns)))
                keeper.hold(lease, tasks[-1])
            await asyncio.gather(*tasks)

    def sweep(self) -> Actor:
        return self.stage.begin("sweep", self._sweep)

    async def _sweep(self, actor: Actor) -> None:
        await Sweep(self.station(actor)).once()

    def submit(self, job: Job) -> Actor:
        return self.stage.begin("intake", lambda actor: self._take_job(actor, job))

    async def _take_job(self, actor: Actor, job: Job) -> None:
        async with open_intake(self.ground.database, stepped(self.queue, actor)) as intake:
            with self.stage.at_work():
                await intake.take_in(job)
            await asyncio.Event().wait()  # the process goes on: it queues behind the answer's back

    def receive(self, event: WebhookEvent) -> Actor:
        return self.stage.begin("inbox", lambda actor: self._take_event(actor, event))

    async def _take_event(self, actor: Actor, event: WebhookEvent) -> None:
        async with open_inbox(self.ground.database, stepped(self.queue, actor)) as inbox:
            with self.stage.at_work():
                actor.parts = await inbox.take_in(event)
            await asyncio.Event().wait()

    def ask(self, what: str, request_id: UUID) -> Actor:
        """`cancel` or `retry`, by a client."""
        return self.stage.begin(what, lambda actor: self._ask(actor, what, request_id))

    async def _ask(self, actor: Actor, what: str, request_id: UUID) -> None:
        queue = stepped(self.queue, actor)
        store = stepped(MongoJobStore(self.ground.database), actor)
        notices = QueueNotices(stepped(self.ground.redis, actor), queue)
        rules = Rules(VendorPolicy())
        control = MongoJobControl(store, Replays(self.ground.database), notices, _ActorsFollowUps(self), rules)
        try:
            await (control.cancel if what == "cancel" else control.retry)(request_id, None)
        except (Conflict, NotFound) as refusal:
            actor.parts = refusal


async def _run_one(
    lease: Lease, queue: Queue, keeper: LeaseKeeper, runner: LeaseRunner, returns: Batcher[Return, None]
) -> None:
    """As a lane does it."""
    await acting().pause(f"begin with {lease.request_id}")
    try:
        match await runner.run(lease):
            case Lost():
                pass
            case Elsewhere(place=place):
                await returns.submit(to_return(lease, Ended()))
                await queue.enqueue([place])
            case verdict:
                await returns.submit(to_return(lease, verdict))
    except asyncio.CancelledError:
        if not keeper.lost(lease):
            raise
    finally:
        keeper.drop(lease)
