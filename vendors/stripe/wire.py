"""
Stripe's JSON of API version 2026-10-28, turned into our words. Unknown fields are left aside; of the others each is
of the type that is promised, or the whole object is `Unreadable`.

Docs: https://docs.stripe.com/api
Quirk: an object that may be expanded is its id, or all of it.
"""

import re
from datetime import UTC, datetime
from typing import Protocol, TypeVar

import msgspec

from vendors.stripe.currencies import from_stripe
from vendors.stripe.words import Charge, Customer, Failure, Intent, Refund, Session, Unread

_ACCOUNT = re.compile(r"acct_[!-.0-~]{1,250}")  # no slash

Word = TypeVar("Word")
Made_co = TypeVar("Made_co", covariant=True)


class Unreadable(Exception):
    """It is not what Stripe promises; the text repeats nothing of it."""


class _Object(msgspec.Struct, kw_only=True):
    id: str
    object: str
    created: int
    metadata: dict[str, str] | None = None


class CustomerWire(_Object, kw_only=True):
    livemode: bool
    name: str | None = None
    email: str | None = None

    def to_word(self, text: str = "") -> Customer:
        _require(self, "customer")
        made, metadata = _moment(self.created), self.metadata or {}
        return Customer(self.id, self.name, self.email, metadata, made, self.livemode, text)


class ChargeWire(_Object, kw_only=True):
    livemode: bool
    status: str
    amount: int
    amount_captured: int
    amount_refunded: int
    currency: str
    payment_intent: "str | IntentWire | None" = None
    failure_code: str | None = None
    failure_message: str | None = None
    outcome: "_ChargeOutcome | None" = None
    receipt_url: str | None = None

    def to_word(self, text: str = "") -> Charge:
        _require(self, "charge")
        failed = self.failure_code is not None or self.failure_message is not None
        decline = self.outcome.reason if self.outcome is not None else None
        return Charge(
            self.id,
            self.status,
            from_stripe(self.amount, self.currency),
            from_stripe(self.amount_captured, self.currency),
            from_stripe(self.amount_refunded, self.currency),
            _id_of(self.payment_intent),
            Failure(self.failure_code, decline, self.failure_message) if failed else None,
            self.receipt_url,
            self.metadata or {},
            _moment(self.created),
            self.livemode,
            text,
        )


class _ChargeOutcome(msgspec.Struct):
    reason: str | None = None  # the bank's, or Radar's


class _LastError(msgspec.Struct):
    code: str | None = None
    decline_code: str | None = None
    message: str | None = None


class _Redirect(msgspec.Struct):
    url: str | None = None


class _NextAction(msgspec.Struct):
    redirect_to_url: _Redirect | None = None


class IntentWire(_Object, kw_only=True):
    livemode: bool
    status: str
    amount: int
    amount_received: int
    currency: str
    latest_charge: str | ChargeWire | None = None
    last_payment_error: _LastError | None = None
    next_action: _NextAction | None = None

    def to_word(self, text: str = "") -> Intent:
        _require(self, "payment_intent")
        charge, last = self.latest_charge, self.last_payment_error
        redirect = self.next_action.redirect_to_url if self.next_action is not None else None
        return Intent(
            self.id,
            self.status,
            from_stripe(self.amount, self.currency),
            from_stripe(self.amount_received, self.currency),
            _id_of(charge),
            charge.to_word() if isinstance(charge, ChargeWire) else None,
            Failure(last.code, last.decline_code, last.message) if last is not None else None,
            redirect.url if redirect is not None else None,
            self.metadata or {},
            _moment(self.created),
            self.livemode,
            text,
        )


class SessionWire(_Object, kw_only=True):
    livemode: bool
    payment_status: str
    amount_total: int
    currency: str
    expires_at: int
    status: str | None = None
    url: str | None = None
    payment_intent: str | IntentWire | None = None
    client_reference_id: str | None = None

    def to_word(self, text: str = "") -> Session:
        _require(self, "checkout.session")
        intent = self.payment_intent
        return Session(
            self.id,
            self.status,
            self.payment_status,
            from_stripe(self.amount_total, self.currency),
            self.url,
            _id_of(intent),
            intent.to_word() if isinstance(intent, IntentWire) else None,
            self.client_reference_id,
            self.metadata or {},
            _moment(self.expires_at),
            _moment(self.created),
            self.livemode,
            text,
        )


class RefundWire(_Object, kw_only=True):
    amount: int
    currency: str
    status: str | None = None
    payment_intent: str | IntentWire | None = None
    charge: str | ChargeWire | None = None
    reason: str | None = None
    failure_reason: str | None = None

    def to_word(self, text: str = "") -> Refund:
        _require(self, "refund")
        return Refund(
            self.id,
            self.status,
            from_stripe(self.amount, self.currency),
            _id_of(self.payment_intent),
            _id_of(self.charge),
            self.reason,
            self.failure_reason,
            self.metadata or {},
            _moment(self.created),
            text,
        )


class _AccountWire(msgspec.Struct):
    id: str
    object: str


class ListWire(msgspec.Struct):
    """A page of a list: each object as it was written."""

    data: list[msgspec.Raw]
    has_more: bool


class Wire(Protocol[Made_co]):
    """One of Stripe's objects, as it is written."""

    def to_word(self, text: str = "") -> Made_co: ...


def read_object(body: bytes, kind: type[Wire[Word]]) -> Word:
    """The object, with all of its text. Raises `Unreadable`."""
    try:
        text = msgspec.json.format(body, indent=0).decode()
        return msgspec.json.decode(body, type=kind).to_word(text)
    except (msgspec.MsgspecError, ValueError, OverflowError, OSError, RecursionError):  # its text repeats the body's
        raise Unreadable("Stripe's answer is not what its API promises.") from None


def read_account_id(body: bytes) -> str:
    """Raises `Unreadable`."""
    try:
        found = msgspec.json.decode(body, type=_AccountWire)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Unreadable("Stripe's account is not what its API promises.") from None
    if found.object != "account" or not _ACCOUNT.fullmatch(found.id):
        raise Unreadable("Stripe's account goes by no id.")
    return found.id


def read_page(body: bytes, kind: type[Wire[Word]]) -> tuple[list[Word], bool]:
    """The objects of a page, and whether there are more behind it. Raises `Unreadable`."""
    try:
        page = msgspec.json.decode(body, type=ListWire)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Unreadable("Stripe's list is not what its API promises.") from None
    return [read_object(bytes(each), kind) for each in page.data], page.has_more


def read_page_of_all(body: bytes, kind: type[Wire[Word]]) -> tuple[list[Word | Unread], bool]:
    """The same where the objects may be anybody's: one that is none of our words keeps no other from being read."""
    try:
        page = msgspec.json.decode(body, type=ListWire)
        return [_read_or_head(bytes(each), kind) for each in page.data], page.has_more
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Unreadable("Stripe's list is not what its API promises.") from None


def _read_or_head(body: bytes, kind: type[Wire[Word]]) -> Word | Unread:
    try:
        return read_object(body, kind)
    except Unreadable:
        head = msgspec.json.decode(body, type=_Object)
        return Unread(head.id, head.metadata or {})


def _require(found: _Object, kind: str) -> None:
    if found.object != kind or not found.id or not found.id.isascii():
        raise ValueError(f"it is no {kind}")


def _id_of(found: "str | _Object | None") -> str | None:
    return found.id if isinstance(found, _Object) else found


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
