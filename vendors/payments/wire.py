"""The simulated processor's JSON: what is sent to it, and what its answers mean."""

from datetime import datetime

import msgspec

from domain.commerce.payments import LIFETIME, Checkout, Refund, TakenWith
from domain.outcomes import Done, Failed, Outcome, Waiting
from domain.vendors import Call
from vendors.http import Reply
from vendors.payments.settings import PaymentsSettings
from vendors.table.pieces import LONGEST_REFERENCE

LONGEST_PAGE = 4_096  # characters of the page's URL

_UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)


class _Opened(msgspec.Struct):
    id: str
    url: str


class _Refunded(msgspec.Struct):
    id: str
    status: str


def opening(checkout: Checkout, call: Call, settings: PaymentsSettings) -> bytes:
    back = f"{settings.pages}/orders/{checkout.order_id}"
    told: dict[str, object] = {
        "amount": checkout.amount,
        "currency": checkout.currency,
        "order_id": str(checkout.order_id),
        "success_url": back,
        "cancel_url": back,
        "webhook_url": settings.webhook_url,
        "metadata": {"job": str(call.request_id)},
    }
    if checkout.expires_at is not None:
        told["expires_at"] = checkout.expires_at
    return msgspec.json.encode(told)


def refunding(refund: Refund) -> bytes:
    return msgspec.json.encode({"checkout": refund.reference, "amount": refund.amount, "currency": refund.currency})


def read_opened(reply: Reply) -> Waiting | Failed:
    """The checkout was taken: where to pay it goes to whoever asked."""
    try:
        opened = msgspec.json.decode(reply.body, type=_Opened)
    except _UNREADABLE:
        opened = None
    if opened is None or not 1 <= len(opened.id) <= LONGEST_REFERENCE or not _is_page(opened.url):
        reason = "The processor's answer to a checkout has no id, or no page to pay on."
        return Failed("reply_without_reference", reason, reply.status)
    said = msgspec.json.encode(TakenWith(opened.url)).decode()
    return Waiting(opened.id, _until(reply.received_at), reply.status, said)


def read_closed(reply: Reply) -> Outcome:
    return Done(_text(reply), reply.status)


def read_refunded(reply: Reply) -> Done | Failed:
    try:
        refunded = msgspec.json.decode(reply.body, type=_Refunded)
    except _UNREADABLE:
        refunded = None
    if refunded is None or refunded.status != "refunded":
        return Failed("reply_unreadable", "The processor's answer to a refund does not say that it was made.")
    return Done(_text(reply), reply.status)


def _text(reply: Reply) -> str:
    """The answer, where it is JSON."""
    try:
        return msgspec.json.format(reply.body, indent=0).decode()
    except _UNREADABLE:
        return "null"


def _is_page(url: str) -> bool:
    return len(url) <= LONGEST_PAGE and url.isascii() and url.startswith(("https://", "http://"))


def _until(now: datetime) -> datetime:
    return now + LIFETIME
