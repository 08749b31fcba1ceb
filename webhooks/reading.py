"""
A vendor's reader, asked and not trusted: whatever it does with a stranger's bytes, the answer is one of ours.

Who cannot be verified is refused; what is verified becomes an event, if only for a person to look at.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

import structlog

from domain.bugs import place_of
from domain.errors import BadSignature
from domain.request_ids import new_request_id
from domain.webhooks import KEPT, QUEUED_WITHIN, EventState, NotForUs, Notice, NotPromised, WebhookEvent, WebhookReader

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request to the receiver, its body read."""

    vendor: str
    headers: Iterable[tuple[bytes, bytes]] = field(repr=False)
    body: bytes = field(repr=False)
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """Nobody can tell that the vendor sent it."""

    reason: str


def examine(reader: WebhookReader, delivery: Delivery) -> WebhookEvent | Refused:
    """The event to be stored: with what it says of a job, or why nobody can tell. Raises nothing."""
    try:
        webhook_id = reader.verify(unambiguous(delivery.headers), delivery.body, delivery.received_at)
    except BadSignature as forged:
        return Refused(forged.detail)
    except Exception as fault:  # noqa: BLE001 - a stranger's bytes made the reader fail: they are not verified
        _report("a webhook broke its vendor's verification", delivery.vendor, fault)
        return Refused("the signature cannot be verified")
    return _event(delivery, webhook_id, _read(reader, delivery))


def _read(reader: WebhookReader, delivery: Delivery) -> Notice | NotForUs | str:
    """What the reader makes of it, or why it makes nothing of it."""
    try:
        said = reader.read(delivery.body)
        (said.reference or "").encode()  # a lone surrogate is no text that MongoDB could hold
        return said
    except NotForUs as unconcerned:
        return unconcerned
    except NotPromised as fault:
        return str(fault)
    except Exception as fault:  # noqa: BLE001 - it is the vendor's own word all the same
        _report("a webhook broke its vendor's reader", delivery.vendor, fault)
        return f"reading it failed ({type(fault).__name__})"


def unambiguous(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """
    The headers by lower-case name, as latin-1 text, without those that were sent more than once.

    Of two signatures, ids or timestamps nobody can say which one is meant: it counts as missing.
    """
    lines = list(headers)
    sent = Counter(name for name, _ in lines)
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in lines if sent[name] == 1}


def _event(delivery: Delivery, webhook_id: str, said: Notice | NotForUs | str) -> WebhookEvent:
    now = delivery.received_at
    match said:
        case Notice():
            fields = {"reference": said.reference, "request_id": said.request_id, "sweep_at": now + QUEUED_WITHIN}
        case NotForUs():
            fields = {"state": EventState.IGNORED, "note": str(said)}
        case _:
            fields = {"state": EventState.QUARANTINED, "note": said}
    return WebhookEvent.model_validate(
        {
            "id": new_request_id(),
            "vendor": delivery.vendor,
            "webhook_id": webhook_id,
            "body_hash": sha256(delivery.body).hexdigest(),
            "body": delivery.body,
            "received_at": now,
            "updated_at": now,
            "expire_at": now + KEPT,
            **fields,
        }
    )


def _report(what: str, vendor: str, fault: Exception) -> None:
    """Where it broke, without the fault's text: a piece of the body may stand in it."""
    log.error(what, vendor=vendor, bug=type(fault).__name__, place=place_of(fault))
