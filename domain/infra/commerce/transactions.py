"""
Transactions that touch products: all of it is written, for a majority and journaled, or nothing is.

A transaction whose end is not known is ended again until it is (MongoDB keeps who asks twice from doing it twice), and
one that lost to another is made again: both by PyMongo's `with_transaction`, within our patience.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

import structlog
from pymongo import AsyncMongoClient, ReadPreference, WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession as Session
from pymongo.read_concern import ReadConcern

from domain.errors import Unavailable
from domain.infra.accounts.rows import store_faults

Answer = TypeVar("Answer")
Work = Callable[[Session], Coroutine[Any, Any, Answer]]

log = structlog.get_logger()


class Turns:
    """Whoever is about to touch a product waits here for the others of this process that do."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def at(self, products: Iterable[UUID]) -> AsyncIterator[None]:
        """In the order of their ids, so that no two wait for each other."""
        async with AsyncExitStack() as stack:
            for product in sorted(set(products)):
                lock = self._locks.setdefault(product, asyncio.Lock())
                await stack.enter_async_context(lock)
            yield


class Transactions:
    def __init__(self, client: AsyncMongoClient[dict[str, Any]], patience_seconds: float) -> None:
        self._client = client
        self._patience_seconds = patience_seconds
        self._turns = Turns()

    async def run(self, products: Iterable[UUID], work: Work[Answer]) -> Answer:
        """
        What `work` answers, once it stands; `work` may be asked several times. What it raises undoes all.

        Raises `Unavailable` where that takes too long: it may then stand all the same, so `work` has to know its own.
        """
        try:
            async with asyncio.timeout(self._patience_seconds), self._turns.at(products):
                with store_faults():
                    return await self._transact(work)
        except TimeoutError:
            log.warning("a transaction took too long", seconds=self._patience_seconds)
            raise Unavailable(
                "too many want the same at this moment; the same request, with its key, is safe to repeat",
                retry_after=timedelta(seconds=1),
            ) from None

    async def _transact(self, work: Work[Answer]) -> Answer:
        async with self._client.start_session() as session:
            return await session.with_transaction(
                work,
                read_concern=ReadConcern("snapshot"),
                write_concern=WriteConcern(w="majority"),
                read_preference=ReadPreference.PRIMARY,
            )
