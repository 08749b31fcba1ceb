"""
Stripe's events: whose they are, and of which job they speak. They say no more than: look again.

Docs: https://docs.stripe.com/webhooks, https://docs.stripe.com/api/events/types
Quirk: events come in any order, more than once, under several ids too, and late; the object within is as it was
then. So nothing is believed of one but that something has changed: the job is polled, and reads how the money stands.
Quirk: a charge carries the metadata that its intent had when it was made; a refund made in the dashboard carries none.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec

from domain.errors import BadSignature
from domain.request_ids import read_request_id
from domain.webhooks import LookAgain, NotForUs, Notice, NotPromised
from vendors.signatures import stripe as signatures
from vendors.signatures.secrets import FormerSecret
from vendors.stripe.settings import StripeSettings
from vendors.stripe.words import JOB

ACTED_ON = frozenset(
    {
        *("checkout.session.completed", "checkout.session.expired"),
        *("checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed"),
        *("payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.canceled"),
        *("payment_intent.processing", "payment_intent.requires_action"),
        *("charge.refunded", "charge.refund.updated", "refund.created", "refund.updated", "refund.failed"),
    }
)
LONGEST_REFERENCE = 255

_ALWAYS_MARKED = ("checkout.session.", "payment_intent.")  # what we make of these carries our marks
_ID = re.compile(r"evt_[A-Za-z0-9_]{1,200}")


class _Subject(msgspec.Struct):
    id: object = None
    payment_intent: object = None  # an id, or all of it
    metadata: dict[str, str] | None = None


class _Data(msgspec.Struct):
    object: _Subject


class _Event(msgspec.Struct):
    id: str
    type: str
    livemode: bool
    data: _Data


class _Head(msgspec.Struct):
    id: object = None
    livemode: object = None


@dataclass(frozen=True, slots=True)
class StripeWebhooks:
    """A `WebhookReader` that `KeepsSecret`. `livemode` is our key's: an event of the other mode is refused."""

    key: bytes = field(repr=False)
    livemode: bool
    former: FormerSecret | None = None

    @classmethod
    def of(cls, settings: StripeSettings) -> "StripeWebhooks":
        """For a process that takes them in and calls nobody."""
        return cls(settings.webhook_secret.get_secret_value().encode(), settings.livemode)

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
        """The event's id. Raises `BadSignature`, for one of the other mode too."""
        keys = [self.key] if self.former is None or now >= self.former.until else [self.key, self.former.key]
        signatures.verify(headers, body, now, keys)
        head = _head(body)
        if head.livemode is (not self.livemode):
            raise BadSignature(f"the event is of the {'test' if self.livemode else 'live'} mode, and our key is not")
        known = isinstance(head.id, str) and _ID.fullmatch(head.id)
        return known.group() if known else hashlib.sha256(body).hexdigest()

    def read(self, body: bytes) -> Notice:
        """Which job is to look again. Raises `NotPromised`, and `NotForUs` for events of other things."""
        try:
            event = msgspec.json.decode(body, type=_Event)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise NotPromised("it is no event of Stripe's") from None
        if event.type not in ACTED_ON:
            raise NotForUs("an event of a type that nothing hangs on")
        subject = event.data.object
        job = read_request_id((subject.metadata or {}).get(JOB, ""))
        if job is not None:  # its reference may be another object's: a session's job hears of its intent too
            return Notice(None, job, LookAgain(_looked_at(event)), event.type)
        if event.type.startswith(_ALWAYS_MARKED):
            raise NotForUs("an event of a payment that the gateway did not make")
        reference = _intent_of(subject)
        if reference is None:
            raise NotForUs("an event of money that never was a payment's")
        if not 1 <= len(reference) <= LONGEST_REFERENCE:
            raise NotPromised("its payment's id is none")
        return Notice(reference, None, LookAgain(reference), event.type)

    def with_former(self, former: FormerSecret | None) -> "StripeWebhooks":
        return replace(self, former=former)


def _looked_at(event: _Event) -> str | None:
    """The session or intent that tells how it stands."""
    subject = event.data.object
    found = subject.id if event.type.startswith(_ALWAYS_MARKED) else _intent_of(subject)
    return found if isinstance(found, str) and 1 <= len(found) <= LONGEST_REFERENCE else None


def _intent_of(subject: _Subject) -> str | None:
    """What a refund, or a charge, is of."""
    found = subject.payment_intent
    named = found.get("id") if isinstance(found, dict) else found
    return named if isinstance(named, str) else None


def _head(body: bytes) -> _Head:
    """What can be told of it before anybody believes it to be an event."""
    try:
        return msgspec.json.decode(body, type=_Head)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _Head()
