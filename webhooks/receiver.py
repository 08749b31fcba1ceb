"""
What is done with a webhook before it is answered, the same for every vendor.

Size cap, vendor known, verify, read, store. Whatever is verified is kept, and so answered with a 2xx: a vendor
whose word we cannot read would send it again for days, and then switch us off.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import structlog
from litestar.types import Receive, Scope

from domain.edge.addresses import client_address
from domain.edge.bodies import read_body, refuse_announced
from domain.errors import BadSignature, NotFound, TooMany
from domain.ports import StoredEvent
from domain.webhooks import EventState, WebhookEvent
from webhooks.ports import WebhookPorts
from webhooks.reading import Delivery, read, verify

LONG_BODY = 64 * 1024  # beyond, a hash and a parse may take milliseconds: not on the event loop

Answer = TypeVar("Answer")

log = structlog.get_logger()


class Receiver:
    """`counts` has how often something came up that somebody should know of: by what the log calls it, and vendor."""

    def __init__(self, ports: WebhookPorts) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self._ports = ports

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
        body = await read_body(scope, receive)
        delivery = Delivery(vendor, scope["headers"], body, datetime.now(UTC))
        try:
            webhook_id = await _run(lambda: verify(reader, delivery), body)
        except BadSignature as forged:
            who = client_address(scope, self._ports.trusted_hops)
            raise self._refusal(vendor, who, forged) from None
        return await self._store(await _run(lambda: read(reader, delivery, webhook_id), body))

    def _refusal(self, vendor: str, who: str, forged: BadSignature) -> BadSignature | TooMany:
        """What a failure is answered with. Logged while failures are tolerated: a flood would fill the log."""
        wait = self._ports.failures.failed(who, vendor)
        if wait is None:
            log.warning("webhook refused", client=who, reason=forged.detail, **self._counted("webhook refused", vendor))
            return forged
        self._counted("webhook refused too often", vendor)
        return TooMany("too many webhooks from this address could not be verified; come back later", retry_after=wait)

    async def _store(self, event: WebhookEvent) -> StoredEvent:
        stored = await self._ports.inbox.take_in(event)
        if stored is StoredEvent.CONFLICTING:
            counted = self._counted("webhook conflicting", event.vendor)
            log.warning("webhook conflicting", webhook_id=event.webhook_id, **counted)
        elif stored is StoredEvent.NEW and event.state is EventState.QUARANTINED:
            counted = self._counted("webhook quarantined", event.vendor)
            log.error("webhook quarantined", event_id=str(event.id), reason=event.note, **counted)
        return stored

    def _counted(self, what: str, vendor: str) -> dict[str, object]:
        self.counts[what, vendor] += 1
        return {"vendor": vendor, "count": self.counts[what, vendor]}


async def _run(work: Callable[[], Answer], body: bytes) -> Answer:
    return work() if len(body) <= LONG_BODY else await asyncio.to_thread(work)
