"""What happened, as Stripe tells of it: a snapshot of the thing as it was then. https://docs.stripe.com/api/events"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

API_VERSION = "2026-10-28.endive"  # the one that the official SDK 16.1 pins


class EventRequest(msgspec.Struct, frozen=True):
    """The API call that brought it about; nothing where a person or the clock did."""

    id: str | None = None
    idempotency_key: str | None = None


class EventData(msgspec.Struct, frozen=True):
    """`previous_attributes`: what changed, as it was before; not there where nothing did."""

    object: msgspec.Raw
    previous_attributes: dict[str, Any] | UnsetType = UNSET


class Event(msgspec.Struct, kw_only=True):
    """`pending_webhooks`: how many endpoints have not taken it yet."""

    id: str
    object: str = "event"
    api_version: str = API_VERSION
    created: int
    data: EventData
    livemode: bool = False
    pending_webhooks: int
    request: EventRequest
    type: str
