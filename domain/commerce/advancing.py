"""What the shop's own people do to an order by hand. All else follows of payments, and is nobody's to say."""

from collections.abc import Collection
from uuid import UUID

from domain.commerce.changing import change_order
from domain.commerce.moving import moved, tag_of
from domain.commerce.orders import Order, Status, Step
from domain.commerce.ports import Orders
from domain.errors import Outdated

BY_HAND = (Status.SHIPPED, Status.DELIVERED, Status.CANCELLED)


async def advance_order(orders: Orders, order_id: UUID, step: Step, tags: Collection[str] | None) -> Order:
    """
    The order after this step, where it has one of the `tags` (None: any). Done twice it changes nothing more.

    Raises `NotFound`, `Outdated`, and `Conflict` for a move that is not drawn.
    """
    return await change_order(orders, order_id, None, lambda order: _advanced(order, step, tags))


def _advanced(order: Order, step: Step, tags: Collection[str] | None) -> Order:
    if tags is not None and tag_of(order) not in tags:
        raise Outdated("the order has moved since it was read; read it again, and decide anew")
    return order if order.status is step.status else moved(order, step)
