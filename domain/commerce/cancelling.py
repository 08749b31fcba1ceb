"""Ending an order that nobody has paid: at a client's word, or because its time is up."""

from datetime import datetime
from uuid import UUID

from domain.commerce.changing import change_order
from domain.commerce.moving import GATEWAY, moved
from domain.commerce.orders import Order, Status, Step
from domain.commerce.ports import Orders

TOO_LATE = "it was not paid in time"


async def cancel_order(orders: Orders, order_id: UUID, owner: str | None, step: Step) -> Order:
    """
    The order, cancelled, its stock given back. Done twice, also at once, it changes nothing more.

    Where a payment is under way the order has ended all the same; what is paid by then goes back. Raises `NotFound`,
    and `Conflict` for an order that has gone too far.
    """
    return await change_order(orders, order_id, owner, lambda order: _cancelled(order, step))


def expired(order: Order, now: datetime) -> Order:
    return moved(order, Step(at=now, status=Status.CANCELLED, by=GATEWAY, why=TOO_LATE))


def _cancelled(order: Order, step: Step) -> Order:
    return order if order.status is Status.CANCELLED else moved(order, step)
