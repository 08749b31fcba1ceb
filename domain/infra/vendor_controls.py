"""
The operators' words on vendors: in MongoDB, in what each process goes by, and on their way from the one to the other.

Redis is told only that there is a new version, after MongoDB has it: whoever hears that reads MongoDB, and until then
is granted nothing by an older one (`lua/marker.lua`). A process that hears nothing looks by itself.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import fields
from typing import Any

import structlog
from pymongo.errors import DuplicateKeyError

from domain.errors import Unavailable
from domain.infra.background import in_background
from domain.infra.changes import listen
from domain.infra.job_store import mongo_trouble
from domain.infra.mongo import Database
from domain.infra.redis import REDIS_FAULTS, RedisClient
from domain.infra.scripts import load_script
from domain.infra.vendor_keys import control_key
from domain.vendor_control import UNTOUCHED, Control, Overrides
from domain.vendors import VendorPolicy

CONTROL_CHANNEL = "gateway:control"
KEPT_MS = 60_000  # as in `lua/marker.lua`
LOOK_SECONDS = 3.0  # the net under a lost notice
TELL_SECONDS = 2.0

OVERRIDABLE = frozenset(each.name for each in fields(Overrides))

Document = dict[str, Any]

log = structlog.get_logger()


def _nobody(vendor: str) -> None:
    """Who is told of no change."""


class HeardControls:
    """`KnownControls` of one process: as MongoDB had them when it was last looked at."""

    def __init__(self, database: Database) -> None:
        self.told: Callable[[str], None] = _nobody  # of each vendor whose control has changed
        self._vendors = database.get_collection("vendors")
        self._known: Mapping[str, Control] = {}
        self._one_look = asyncio.Lock()  # an older answer must not come after a newer one
        self._noticed = asyncio.Event()

    def of(self, vendor: str) -> Control:
        return self._known.get(vendor, UNTOUCHED)

    async def look(self) -> None:
        async with self._one_look:
            with mongo_trouble():
                rows = await self._vendors.find({"control": {"$exists": True}}, {"control": 1}).to_list(None)
            before, self._known = self._known, {row["_id"]: read_control(row) for row in rows}
        for vendor in before.keys() | self._known.keys():
            if self.of(vendor) != before.get(vendor, UNTOUCHED):
                self.told(vendor)

    def notice(self, _message: str) -> None:
        """Something was said, or may have been while nobody listened."""
        self._noticed.set()

    @asynccontextmanager
    async def followed(self, redis: RedisClient) -> AsyncIterator[None]:
        """Known from the block's start, and looked at whenever something is said, and every few seconds."""
        await self.look()
        async with in_background(listen(redis, CONTROL_CHANNEL, self.notice)), in_background(self._follow()):
            yield

    async def _follow(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._noticed.wait()
            except TimeoutError:
                pass
            self._noticed.clear()
            try:
                await self.look()
            except Unavailable as fault:
                log.warning("the vendors' controls cannot be looked at; they stay as they were", fault=fault.detail)


class StoredControls:
    """A `VendorControls`. `tables` may change while it is used; `heard` is what this process itself goes by."""

    def __init__(
        self, database: Database, redis: RedisClient, tables: Mapping[str, VendorPolicy], heard: HeardControls
    ) -> None:
        self._vendors = database.get_collection("vendors")
        self._control = load_script(redis, "control")
        self._tables = tables
        self._heard = heard

    def table(self, vendor: str) -> VendorPolicy | None:
        return self._tables.get(vendor)

    async def find(self, vendor: str) -> Control:
        with mongo_trouble():
            row = await self._vendors.find_one({"_id": vendor}, {"control": 1})
        return UNTOUCHED if row is None else read_control(row)

    async def change(self, vendor: str, before: Control, after: Control) -> bool:
        where: Document = {"_id": vendor, "control": {"$exists": False}}
        if before.version:
            where = {"_id": vendor, "control.version": before.version}
        with mongo_trouble():
            try:
                update = {"$set": {"control": row_of(after)}}
                result = await self._vendors.update_one(where, update, upsert=not before.version)
            except DuplicateKeyError:  # nobody had said anything, and now somebody has
                return False
        if not result.matched_count and result.upserted_id is None:
            return False
        await self._tell(vendor, after.version)
        try:
            await self._heard.look()
        except Unavailable:  # the change is made
            self._heard.notice("")
        return True

    async def _tell(self, vendor: str, version: int) -> None:
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await self._control(keys=[control_key(vendor)], args=[version, KEPT_MS, CONTROL_CHANNEL, vendor])
        except REDIS_FAULTS as fault:
            log.warning("redis is away: each process hears of a vendor's new control by itself", fault=str(fault))


def row_of(control: Control) -> Document:
    row: Document = {"version": control.version, "overrides": dict(control.overrides.given)}
    return {**row, "changed_by": control.changed_by, "changed_at": control.changed_at}


def read_control(row: Document) -> Control:
    """Of a vendor's document, which may have none. What a later version may say of calls is left alone."""
    said: Document | None = row.get("control")
    if said is None:
        return UNTOUCHED
    known = {name: value for name, value in said["overrides"].items() if name in OVERRIDABLE}
    return Control(said["version"], Overrides(**known), said["changed_by"], said["changed_at"])
