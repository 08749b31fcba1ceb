"""
From one state of an order to the next. What comes with a move, of stock, time and follow-ups, is decided here alone.

`docs/orders.md` draws it. Who writes the outcome down does so by `Orders.change`, where nobody else was first.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from domain.commerce.orders import LEGAL, Order, Status, Step
from domain.errors import Conflict

GATEWAY = "gateway"  # who moves an order when nobody asked for it
SOONEST = timedelta(seconds=10)  # the fast path is done by then, or its process is gone
LATEST = timedelta(hours=1)

MAIL = "mail:"
MAILS: Mapping[Status, str] = {
    status: MAIL + status.lower() for status in (Status.PAID, Status.CANCELLED, Status.SHIPPED)
}
BEGIN_PAYMENT = "begin_payment"  # the order names its payment before the job of it is on record
REFUND_IF_PAID = "refund_if_paid"  # a payment was under way when the order was cancelled

UNPAID = frozenset({Status.PENDING, Status.AWAITING_PAYMENT})
_STILL_HERE = UNPAID | {Status.PAID}  # what was ordered has not left the house
_INSTEAD: Mapping[Status, str] = {
    Status.PENDING: "it can be paid or cancelled",
    Status.AWAITING_PAYMENT: "it can be paid or cancelled",
    Status.PAID: "it can be shipped, or what was paid can be refunded",
    Status.SHIPPED: "it can be delivered, or what was paid can be refunded",
    Status.DELIVERED: "what was paid can be refunded",
    Status.CANCELLED: "it has ended; place another order",
    Status.REFUNDED: "it has ended; place another order",
}


def moved(order: Order, step: Step, **changes: Any) -> Order:
    """The order after this step, with `changes` of who makes it. Raises `Conflict`, with what can be done instead."""
    if step.status not in LEGAL[order.status]:
        raise _illegal(order, step.status)
    after = order.model_copy(
        update={
            "status": step.status,
            "epoch": order.epoch + 1,
            "history": [*order.history, step],
            "stock_held": order.stock_held and not _gives_back(order, step.status),
            "expires_at": order.expires_at if step.status in UNPAID else None,
            "updated_at": step.at,
            **changes,
        }
    )
    return _looked_at(after.model_copy(update={"owed": _owed(after)}), step.at)


def struck_off(order: Order, done: Collection[str], now: datetime) -> Order:
    """The order without those of its follow-ups that are on record; what is left is looked at again later."""
    left = [kind for kind in order.owed or () if kind not in done]
    return _looked_at(order.model_copy(update={"epoch": order.epoch + 1, "owed": left or None}), now)


def owing(order: Order, kind: str, now: datetime) -> Order:
    """The order, which owes this once more; as it is, where it does."""
    if kind in (order.owed or ()):
        return order
    return _looked_at(order.model_copy(update={"epoch": order.epoch + 1, "owed": [kind, *(order.owed or ())]}), now)


def has_expired(order: Order, now: datetime) -> bool:
    return order.status in UNPAID and order.expires_at is not None and order.expires_at <= now


def _gives_back(order: Order, status: Status) -> bool:
    ends = status is Status.CANCELLED or status is Status.REFUNDED
    return ends and order.status in _STILL_HERE


def _owed(after: Order) -> list[str] | None:
    """Of an order that is nobody's with an account, nobody is told."""
    new = [MAILS[after.status]] if after.status in MAILS and after.user is not None else []
    if after.status is Status.CANCELLED and after.payment is not None:
        new.insert(0, REFUND_IF_PAID)  # money before words
    return list(dict.fromkeys([*(after.owed or ()), *new])) or None


def _looked_at(order: Order, now: datetime) -> Order:
    """When the sweep has to come by: at the order's end in time, and for what is owed at doubling distances."""
    moments = [order.expires_at] if order.expires_at is not None else []
    if order.owed:
        moments.append(now + min(max(SOONEST, now - order.updated_at), LATEST))
    return order.model_copy(update={"sweep_at": min(moments, default=None)})


def _illegal(order: Order, wanted: Status) -> Conflict:
    detail = f"this order is {order.status}, and cannot become {wanted} from there; {_INSTEAD[order.status]}"
    return Conflict(detail, code="order-state")


def tag_of(order: Order) -> str:
    """The entity tag of an order as it is shown, which differs by its moves alone, and not by what follows of them."""
    return f'"{len(order.history)}"'
