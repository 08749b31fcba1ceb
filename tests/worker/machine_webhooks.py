"""Webhooks as a vendor of the machine sends them."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.request_ids import new_request_id
from domain.webhooks import WebhookEvent
from tests.worker.machine_vendor import Effect

WORDS = ("done", "failed", "half way")


def webhook_of(effect: Effect, word: str, *, names_us: bool = False) -> WebhookEvent:
    """What the vendor says of something that it does. Of two last words it only ever says the first."""
    said: dict[str, Any] = {"ref": effect.reference, "status": effect.say(word) if word in WORDS[:2] else word}
    if names_us:
        said["job"] = str(effect.job)
    if said["status"] == "done":
        said["result"] = effect.result
    return event_of(effect.vendor, said)


def event_of(vendor: str, said: dict[str, Any], webhook_id: str | None = None) -> WebhookEvent:
    """As the receiver makes it of a request."""
    now, event_id = datetime.now(UTC), new_request_id()
    body = json.dumps(said).encode()
    return WebhookEvent(
        id=event_id,
        vendor=vendor,
        webhook_id=webhook_id or str(event_id),
        body_hash=hashlib.sha256(body).hexdigest(),
        body=body,
        reference=said.get("ref"),
        request_id=said.get("job"),
        received_at=now,
        updated_at=now,
        sweep_at=now + timedelta(seconds=5),
        expire_at=now + timedelta(days=30),
    )
