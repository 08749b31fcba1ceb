"""
Intake by group commit: durable before the answer, whatever Redis does.

One writer a process: the documents that arrived during the last write go into the next
`insert_many`. The answer waits for MongoDB only; queueing is a task of its own, with a
bounded backlog, and what it has to drop the sweep finds.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import structlog
from bson import encode
from bson.raw_bson import RawBSONDocument
from pymongo.errors import PyMongoError

from domain.backpressure import Backpressure, Ceilings, NoBackpressure
from domain.errors import KeyReused, TooLarge, Unavailable
from domain.infra.background import in_background, pauses
from domain.infra.backlogs import Backlogs
from domain.infra.batching import Batcher
from domain.infra.inserts import DUPLICATE_KEY, insert_each
from domain.infra.job_store import MongoJobStore, to_document
from domain.infra.mongo import CODEC, Database
from domain.infra.queue import Queue
from domain.infra.redis import REDIS_FAULTS
from domain.jobs import Job
from domain.ports import Accepted, Queued
from domain.vendor_states import VendorStates

LARGEST_BATCH = 500
WAITING_ROOM = 5_000  # at 2,500 jobs a second, two seconds of them; then the answer is 503
QUEUE_BACKLOG = 50_000  # ids that wait while Redis is away; the sweep finds what is dropped beyond
LARGEST_DOCUMENT = 15 * 1024 * 1024  # MongoDB's own cap is 16 MiB, and a result still has to fit

log = structlog.get_logger()


class MongoIntake:
    """A `JobIntake`."""

    def __init__(
        self,
        writer: Batcher[RawBSONDocument, None],
        store: MongoJobStore,
        queueing: "Queueing",
        backpressure: Backpressure,
    ) -> None:
        self._writer = writer
        self._store = store
        self._queueing = queueing
        self._backpressure = backpressure

    async def take_in(self, job: Job) -> Accepted:
        # Encoded here, each in its own request: a document that BSON refuses fails alone.
        document = encode(to_document(job), codec_options=CODEC)
        if len(document) > LARGEST_DOCUMENT:
            raise TooLarge("the job does not fit into one document of 15 MiB; send less")
        try:
            await self._backpressure.admit(job)
        except Unavailable:  # a repeat is still a repeat
            earlier = await self._repeated(job)
            if earlier is None:
                raise
            return earlier
        with self._queueing.expecting():
            try:
                await self._writer.submit(RawBSONDocument(document))
            except _KeyTaken:
                return await self._earlier(job)
            self._queueing.add(Queued.of(job))
        return Accepted(job)

    async def replay(self, client: str, key: str, fingerprint: str) -> Accepted | None:
        earlier = await self._store.find_by_key(client, key)
        return None if earlier is None else _replayed(earlier, fingerprint)

    async def _repeated(self, job: Job) -> Accepted | None:
        if job.idempotency_key is None or job.fingerprint is None:
            return None
        return await self.replay(job.client, job.idempotency_key, job.fingerprint)

    async def _earlier(self, job: Job) -> Accepted:
        """The job that was first under this key. Its retry may be the very one that lost its answer."""
        earlier = await self._store.find_by_key(job.client, job.idempotency_key or "")
        if earlier is None:  # it expired between our insert and our look
            raise Unavailable("the earlier job of this key has just been removed; try again")
        return _replayed(earlier, job.fingerprint)


class Queueing:
    """Puts what is stored into Redis behind the answer's back; through an outage it waits and goes on."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._backlog: list[Queued] = []
        self._under_way = 0
        self._expected = 0
        self._arrival = asyncio.Event()

    def unqueued(self) -> int:
        """How many are let in and not in Redis yet, or not known to be."""
        return self._expected + len(self._backlog) + self._under_way

    @contextmanager
    def expecting(self) -> Iterator[None]:
        """One is being stored during the block, which may end in adding it."""
        self._expected += 1
        try:
            yield
        finally:
            self._expected -= 1

    def add(self, stored: Queued) -> None:
        if len(self._backlog) >= QUEUE_BACKLOG:
            return  # the sweep queues it
        self._backlog.append(stored)
        self._arrival.set()

    async def run(self) -> None:
        wait = pauses()
        while True:
            await self._arrival.wait()
            batch, self._backlog = self._backlog[:LARGEST_BATCH], self._backlog[LARGEST_BATCH:]
            self._under_way = len(batch)
            if not self._backlog:
                self._arrival.clear()
            try:
                await self._queue.enqueue(batch)
                wait = pauses()
            except REDIS_FAULTS as fault:
                log.warning("redis is away; what is stored waits to be queued", waiting=len(batch), fault=str(fault))
                self._backlog[:0] = batch
                self._under_way = 0
                self._arrival.set()
                await asyncio.sleep(next(wait))
            self._under_way = 0


@asynccontextmanager
async def open_intake(
    database: Database, queue: Queue, *, ceilings: Ceilings | None = None, states: VendorStates | None = None
) -> AsyncIterator[MongoIntake]:
    """
    The intake of one process; closing it stores what was handed in.

    With `ceilings` it refuses what would go beyond them; `states` then say when to come back.
    """
    collection = database.get_collection("jobs")

    async def insert(documents: Sequence[RawBSONDocument]) -> list[None | Exception]:
        answers: list[None | Exception] = [None] * len(documents)
        try:
            refused = await insert_each(collection, documents)
        except PyMongoError as fault:
            raise _unavailable(fault) from fault
        for at, code in refused.items():
            answers[at] = _refusal(code)
        return answers

    queueing = Queueing(queue)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(in_background(queueing.run()))
        backpressure: Backpressure = NoBackpressure()
        if ceilings is not None and states is not None:
            backpressure = Backlogs(queue.looks, ceilings, states, queueing.unqueued)
            await stack.enter_async_context(in_background(backpressure.run()))
        writer = await stack.enter_async_context(Batcher(insert, largest=LARGEST_BATCH, waiting_room=WAITING_ROOM))
        yield MongoIntake(writer, MongoJobStore(database), queueing, backpressure)


class _KeyTaken(Exception):
    """Another job holds this (client, idempotency key)."""


def _replayed(earlier: Job, fingerprint: str | None) -> Accepted:
    if earlier.fingerprint != fingerprint:
        raise KeyReused(
            "this Idempotency-Key came before with another body; take a new key for a new job, "
            "or send the first body again"
        )
    return Accepted(earlier, replayed=True)


def _refusal(code: int) -> Exception:
    return _KeyTaken() if code == DUPLICATE_KEY else Unavailable(f"MongoDB refused the job (code {code}); try again")


def _unavailable(fault: Exception) -> Unavailable:
    log.warning("mongodb did not confirm a write", fault=type(fault).__name__)
    return Unavailable("the job could not be stored durably just now; try again with the same Idempotency-Key")
