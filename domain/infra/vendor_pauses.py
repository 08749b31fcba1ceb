"""A vendor's pause: it stands in MongoDB, which forgets nothing, and is mirrored to Redis, where claims look."""

import asyncio
from datetime import UTC, datetime

from domain.errors import Unavailable
from domain.infra.job_store import mongo_trouble
from domain.infra.mongo import Database
from domain.infra.queue import Queue
from domain.infra.redis import REDIS_FAULTS

MIRROR_SECONDS = 2.0  # for a word that has to reach Redis, however often it changes meanwhile
UNREAD = "how the vendor stands cannot be read just now; try again"


class VendorPauses:
    def __init__(self, database: Database, queue: Queue) -> None:
        self._vendors = database.get_collection("vendors")
        self._queue = queue

    async def switch(self, vendor: str, *, paused: bool, by: str) -> None:
        """MongoDB first: a Redis that was flushed is restored from there. Raises `Unavailable`: say it again."""
        verb = "paused" if paused else "resumed"
        word = {"paused": paused, f"{verb}_by": by, f"{verb}_at": datetime.now(UTC)}
        with mongo_trouble():
            await self._vendors.update_one({"_id": vendor}, {"$set": word}, upsert=True)
        try:
            async with asyncio.timeout(MIRROR_SECONDS):
                await self._mirror(vendor)
        except REDIS_FAULTS:
            raise Unavailable(UNREAD) from None

    async def _mirror(self, vendor: str) -> None:
        """Redis as MongoDB has it, and once more where that changed meanwhile: two words at once must not cross."""
        mirrored, paused = None, await self._is_paused(vendor)
        while mirrored != paused:
            await (self._queue.pause_vendor(vendor) if paused else self._queue.resume_vendor(vendor))
            mirrored, paused = paused, await self._is_paused(vendor)

    async def _is_paused(self, vendor: str) -> bool:
        with mongo_trouble():
            return await self._vendors.find_one({"_id": vendor, "paused": True}, {"_id": 1}) is not None
