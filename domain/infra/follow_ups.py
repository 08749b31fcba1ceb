"""
What is still to be done because a job ended, by kind: its callback, put on record as a job of its own; and what others
are told of it, such as its order.

First it is done, then it is struck off its job. A crash in between does it again, and whoever does it knows what was
done: the callback's derived id makes one of the two, and an order is moved once. The sweep is the net under all of it.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import reduce
from types import MappingProxyType

import structlog

from domain.callbacks import callback_of
from domain.errors import Unavailable
from domain.infra.batching import Batcher
from domain.infra.derived_jobs import DerivedJobs
from domain.infra.job_store import MongoJobStore
from domain.infra.mongo import Database
from domain.infra.queue import Queue
from domain.interventions import CALLBACK, followed_up
from domain.jobs import Job
from domain.submitted_fields import to_milliseconds
from domain.transitions import signed

LARGEST_BATCH = 200
LOOKS = 3  # at a job that went on meanwhile; then it is the sweep's

Clock = Callable[[], datetime]
Tell = Callable[[Job], Awaitable[None]]  # safe to repeat; raises `Unavailable`; the job may lack payload and result
NOBODY: Mapping[str, Tell] = MappingProxyType({})

log = structlog.get_logger()


def here() -> datetime:
    """This machine's time."""
    return datetime.now(UTC)


class FollowUps:
    """A `FollowUpRunner`. A kind that is neither `callback` nor in `tellers` is left to a process that knows it."""

    def __init__(
        self,
        database: Database,
        queue: Queue,
        public_base: str,
        clock: Clock = here,
        tellers: Mapping[str, Tell] = NOBODY,
    ) -> None:
        self._store = MongoJobStore(database)
        self._children = DerivedJobs(database, queue)
        self._public_base = public_base
        self._clock = clock
        self._tellers = tellers
        self._batches: Batcher[Job, None] = Batcher(self._do_batch, largest=LARGEST_BATCH)
        self._begun: set[asyncio.Task[None]] = set()

    def soon(self, job: Job) -> None:
        """Begin in the background; what goes wrong there is the sweep's."""
        if self._owed(job):
            task = asyncio.create_task(self._do_one(job))
            self._begun.add(task)
            task.add_done_callback(self._begun.discard)

    async def do(self, jobs: Sequence[Job]) -> None:
        """Do what these ended jobs ask for. Raises `Unavailable`, once the others are done; doing it twice is once."""
        for fault in (await self._do(jobs)).values():
            raise fault

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """What was begun in the block is done before it ends, unless a store stays away."""
        async with self._batches:
            yield
            await asyncio.sleep(0)  # what was begun in this very turn of the loop gets into the batcher

    async def _do_one(self, job: Job) -> None:
        try:
            await self._batches.submit(job)
        except Unavailable as fault:
            log.warning("a follow-up waits for the sweep", request_id=str(job.id), fault=fault.detail)

    async def _do_batch(self, jobs: Sequence[Job]) -> list[None | Exception]:
        faults = await self._do(jobs)
        return [faults.get(job.id) for job in jobs]

    async def _do(self, jobs: Sequence[Job]) -> dict[uuid.UUID, Unavailable]:
        """Answers what kept those waiting that are not done."""
        owed, faults = [job for job in jobs if self._owed(job)], dict[uuid.UUID, Unavailable]()
        for _ in range(LOOKS):
            if not owed:
                break
            await self._tell_clients(owed)
            told = [(job, await self._tell_others(job, faults)) for job in owed]
            owed = await self._strike_off([(job, kinds) for job, kinds in told if kinds])
        return faults

    def _owed(self, job: Job) -> list[str]:
        known = {CALLBACK, *self._tellers}
        return [kind for kind in job.follow_ups or [] if kind in known] if job.ended else []

    async def _tell_clients(self, parents: Sequence[Job]) -> None:
        """Put the callbacks on record. A tombstone has none left."""
        now = to_milliseconds(self._clock())
        told = [job for job in parents if job.callback_url and CALLBACK in (job.follow_ups or [])]
        await self._children.put([callback_of(job, public_base=self._public_base, now=now) for job in told])

    async def _tell_others(self, job: Job, faults: dict[uuid.UUID, Unavailable]) -> list[str]:
        """The kinds that are done for this job, its callback among them; one that breaks keeps no other waiting."""
        done = []
        for kind in self._owed(job):
            try:
                if kind in self._tellers:
                    await self._tellers[kind](job)
            except Unavailable as fault:
                faults[job.id] = fault
            except Exception:
                log.exception("a follow-up broke; the sweep tries again", request_id=str(job.id), kind=kind)
                faults[job.id] = Unavailable("a follow-up broke; the log tells why")
            else:
                done.append(kind)
        return done

    async def _strike_off(self, done: Sequence[tuple[Job, list[str]]]) -> list[Job]:
        """Answers those that went on meanwhile and still ask for something, as they stand now."""
        now, token = to_milliseconds(self._clock()), f"follow-up:{uuid.uuid4().hex}"
        changes = [(job, reduce(lambda it, kind: followed_up(it, kind, now), kinds, signed(job, token)))
                   for job, kinds in done]  # fmt: skip
        won = await self._store.compare_and_set(changes)
        lost = [job.id for (job, _), did in zip(done, won, strict=True) if not did]
        if not lost:
            return []
        return [job for job in (await self._store.load(lost)).values() if self._owed(job)]


@asynccontextmanager
async def open_follow_ups(
    database: Database,
    queue: Queue,
    public_base: str,
    *,
    clock: Clock = here,
    tellers: Mapping[str, Tell] = NOBODY,
) -> AsyncIterator[FollowUps]:
    """
    `public_base` is where clients reach the gateway: what they are told to look at begins with it.

    `clock` says when a callback is due. A worker hands in the fleet's: its machine's own may be wrong. `tellers` do
    the other kinds.
    """
    follow_ups = FollowUps(database, queue, public_base, clock, tellers)
    async with follow_ups.running():
        yield follow_ups
