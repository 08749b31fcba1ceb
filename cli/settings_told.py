"""
Changes of the settings, told on record by each process that goes by them: when it starts, and when it reads its
tables again.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import structlog

from cli.keys import key_ring
from cli.settings import Settings
from cli.settings_facts import facts_of
from cli.stores import Stores
from domain.accounts.doers import Doer
from domain.accounts.making_admins import OPERATOR
from domain.accounts.marks import Marks
from domain.accounts.settings_changes import Facts, Process, SettingsRecord, decide
from domain.errors import Unavailable
from domain.infra.accounts.settings_record import MongoSettingsRecord
from domain.infra.background import end
from domain.submitted_fields import to_milliseconds
from domain.vendors import Vendor

log = structlog.get_logger()


class SettingsTold:
    """What one process tells; `look` says what it goes by now."""

    def __init__(self, record: SettingsRecord, marks: Marks, process: Process, look: Callable[[], Facts]) -> None:
        self._record = record
        self._marks = marks
        self._process = process
        self._look = look
        self._telling: set[asyncio.Task[None]] = set()

    async def tell(self) -> None:
        """Never raises: what cannot be recorded must keep no process from its work, and comes with the next start."""
        doer = Doer(OPERATOR, to_milliseconds(datetime.now(UTC)))
        try:
            await self._record.change(decide(self._look(), self._marks, self._process, doer))
        except Unavailable:
            log.warning("whether settings have changed stands in no record; the store is away")

    def after(self, reload: Callable[[], bool]) -> Callable[[], None]:
        """`reload`, and then to tell what came of it, where it was taken."""

        def reload_and_tell() -> None:
            if reload():
                self._soon()

        return reload_and_tell

    def _soon(self) -> None:
        task = asyncio.create_task(self.tell())
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def stop(self) -> None:
        for task in tuple(self._telling):
            await end(task)


@asynccontextmanager
async def settings_told(
    settings: Settings, stores: Stores, vendors: Mapping[str, Vendor], kind: str
) -> AsyncIterator[SettingsTold]:
    """Tells at once, and of the tables whenever it is asked to."""
    told = SettingsTold(
        MongoSettingsRecord(stores.database, timedelta(days=settings.audit_days)),
        Marks.of(key_ring(settings).link),
        Process(kind, socket.gethostname()),
        lambda: facts_of(settings, vendors, kind),
    )
    await told.tell()
    try:
        yield told
    finally:
        await told.stop()
