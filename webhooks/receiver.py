"""
What is done with a webhook before it is answered, the same for every vendor.

Size cap, vendor known, verify, read, store. Whatever is verified is kept, and so answered with a 2xx: a vendor
whose word we cannot read would send it again for days, and then switch us off.
"""

import asyncio
from datetime import UTC, datetime
from functools import partial

import structlog
from litestar.types import Receive, Scope

from domain.edge.addresses import client_address
from domain.edge.bodies import read_body, refuse_announced
from domain.errors import BadSignature, NotFound, TooMany
from domain.metrics import WEBHOOKS
from domain.ports import StoredEvent
from domain.webhooks import EventState, WebhookEvent, WebhookReader
from webhooks.ports import WebhookPorts
from webhooks.reading import Delivery, Refused, examine

LONG_BODY = 64 * 1024  # beyond, a hash and a parse may take milliseconds: not on the event loop
HOLD_SECONDS = 0.1  # 32 forging connections: 290 requests a second and not 2,000, and ten times as many valid ones
MOST_HELD = 1_000  # further ones are answered at once: what waits takes memory

log = structlog.get_logger()


class Receiver:
    def __init__(self, ports: WebhookPorts) -> None:
        self._ports = ports
        self._held = 0

    async def receive(self, vendor: str, scope: Scope, receive: Receive) -> StoredEvent:
        """
        Store one webhook.

        Raises `TooLarge`, `NotFound`, `BadSignature`, after too many of these `TooMany`, and `Unavailable` while it
        cannot be stored.
        """
        refuse_announced(scope)
        reader = self._ports.readers.get(vendor)
        if reader is None:
            raise NotFound("no vendor of this name sends webhooks here")
        found = await _examined(reader, vendor, scope, receive)
        if isinstance(found, Refused):
            raise await self._refusal(vendor, client_address(scope, self._ports.trusted_hops), found)
        return await self._store(found)

    async def _refusal(self, vendor: str, who: str, refused: Refused) -> BadSignature | TooMany:
        """What a failure is answered with. Logged while failures are tolerated: a flood would fill the log."""
        wait = self._ports.failures.failed(who, vendor)
        if wait is None:
            log.warning("webhook refused", client=who, reason=refused.reason, **self._counted("refused", vendor))
            return BadSignature(refused.reason)
        self._counted("refused_too_often", vendor)
        await self._hold()
        return TooMany("too many webhooks from this address could not be verified; come back later", retry_after=wait)

    async def _hold(self) -> None:
        """Let who floods us wait for the answer, so that most of our time is the others'."""
        if self._held >= MOST_HELD:
            return
        self._held += 1
        try:
            await asyncio.sleep(HOLD_SECONDS)
        finally:
            self._held -= 1

    async def _store(self, event: WebhookEvent) -> StoredEvent:
        stored = await self._ports.inbox.take_in(event)
        if stored is StoredEvent.CONFLICTING:
            counted = self._counted("conflicting", event.vendor)
            log.warning("webhook conflicting", webhook_id=event.webhook_id, **counted)
        elif stored is StoredEvent.NEW and event.state is EventState.QUARANTINED:
            counted = self._counted("quarantined", event.vendor)
            log.error("webhook quarantined", event_id=str(event.id), reason=event.note, **counted)
        else:
            self._counted(stored.value, event.vendor)
        return stored

    def _counted(self, case: str, vendor: str) -> dict[str, object]:
        """For the log: how often it came up since this process started."""
        counts = self._ports.counts
        counts.add(WEBHOOKS, vendor, case)
        return {"vendor": vendor, "count": int(counts.of(WEBHOOKS, vendor, case))}


async def _examined(reader: WebhookReader, vendor: str, scope: Scope, receive: Receive) -> WebhookEvent | Refused:
    """What the body comes to. A function of its own: nobody who waits afterwards keeps the body in memory."""
    body = await read_body(scope, receive)
    work = partial(examine, reader, Delivery(vendor, scope["headers"], body, datetime.now(UTC)))
    return work() if len(body) <= LONG_BODY else await asyncio.to_thread(work)
