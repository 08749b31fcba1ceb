"""The record of keys that are used: seldom enough to cost nothing, and behind the answer's back."""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable
from datetime import datetime
from uuid import UUID

import structlog

from domain.accounts.audit import Act
from domain.accounts.doers import Doer
from domain.accounts.ports import ApiKeys, AuditLog
from domain.callers import Caller
from domain.errors import Unavailable
from domain.infra.background import end
from domain.networks import network_of

AUDIT_EVERY_SECONDS = 3600.0  # for each key and network: who has one of IPv6 has more addresses than a record has room
NOTE_EVERY_SECONDS = 60.0  # for each key: the store keeps no finer time
REMEMBERED = 10_000  # what is forgotten is written down once more than it need be

log = structlog.get_logger()


class KeyUses:
    """Writes down by whom and whence. A store that is away refuses nobody: then it stays unwritten."""

    def __init__(self, keys: ApiKeys, audit: AuditLog) -> None:
        self._keys = keys
        self._audit = audit
        self._audited = _Seldom(AUDIT_EVERY_SECONDS)
        self._noted = _Seldom(NOTE_EVERY_SECONDS)
        self._writing: set[asyncio.Task[None]] = set()

    def note(self, caller: Caller, address: str, now: datetime) -> None:
        """`caller` came by their key or, with none, by the bootstrap key."""
        moment, key = now.timestamp(), caller.key
        if self._audited.is_due((key, network_of(address)), moment):
            self._audit.note(Doer(caller.client, now, address).entry(Act.KEY_USED, f"key:{key or 'bootstrap'}"))
        if key is not None and self._noted.is_due(key, moment):
            task = asyncio.create_task(self._write(key, now))
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    async def stop(self) -> None:
        for task in tuple(self._writing):
            await end(task)

    async def _write(self, key: UUID, now: datetime) -> None:
        try:
            await self._keys.note_used(key, now)
        except Unavailable:
            log.warning("a key's use was not noted", key=str(key))


class _Seldom:
    """When each of many things was last done."""

    def __init__(self, every_seconds: float) -> None:
        self._every_seconds = every_seconds
        self._done: OrderedDict[Hashable, float] = OrderedDict()

    def is_due(self, thing: Hashable, moment: float) -> bool:
        """Whether it is time again; who is told so does it."""
        done = self._done.get(thing)
        if done is not None and 0 <= moment - done < self._every_seconds:
            return False
        self._done[thing] = moment
        self._done.move_to_end(thing)
        if len(self._done) > REMEMBERED:
            self._done.popitem(last=False)
        return True
