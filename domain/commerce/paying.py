"""
Paying an order: it names its payment first, and the payment's job is on record after that.

So no money can move for a payment that its order does not know of. A crash in between leaves an order that owes the
job (`begin_payment`), which has a derived id: whoever makes it, it is the one that the order names.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from domain.commerce.changing import change_order
from domain.commerce.moving import BEGIN_PAYMENT, has_expired, moved
from domain.commerce.orders import Order, Status, Step
from domain.commerce.payments import cannot_be_paid, payment_id
from domain.commerce.ports import Orders
from domain.errors import Conflict
from domain.money import Money, written
from domain.payments.amounts import fault_of

_PAID = "this order is paid already"
_ENDED = "this order was cancelled, and nobody can pay it any more; place another order"
_TOO_LATE = "this order was not paid in time, and nobody can pay it any more; place another order"
_WHY: Mapping[Status, str] = {
    Status.PAID: _PAID,
    Status.SHIPPED: _PAID,
    Status.DELIVERED: _PAID,
    Status.CANCELLED: _ENDED,
    Status.REFUNDED: "this order was refunded; place another order",
}


async def begin_payment(orders: Orders, order_id: UUID, owner: str | None, step: Step) -> Order:
    """
    The order, with the payment that counts; while one is under way, and of two who begin at once, the same one.

    Raises `NotFound`, and `Conflict` for an order that cannot be paid, or no longer.
    """
    return await change_order(orders, order_id, owner, lambda order: _begun(order, step))


def refuse_unpayable(order: Order, now: datetime) -> None:
    """Raises `Conflict` for an order that cannot be paid, or no longer."""
    if order.status in _WHY:
        raise cannot_be_paid(_WHY[order.status])
    if has_expired(order, now):
        raise cannot_be_paid(_TOO_LATE)


def _begun(order: Order, step: Step) -> Order:
    refuse_unpayable(order, step.at)
    if order.status is Status.AWAITING_PAYMENT:
        return order
    _refuse_unchargeable(order.total)
    named = {"payment": payment_id(order), "payments": order.payments + 1}
    return moved(order, step, **named, owed=[*(order.owed or ()), BEGIN_PAYMENT])


def _refuse_unchargeable(total: Money) -> None:
    """Before anything begins: the processor's no would end the order. Raises `Conflict`."""
    fault = fault_of(total)
    if fault is not None:
        detail = f"this order comes to {written(total)}, and what is charged {fault}; place another order"
        raise Conflict(detail, code="amount-not-chargeable")
