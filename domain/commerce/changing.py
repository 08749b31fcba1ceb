"""The one way in which a client moves an order: read, move, write where nobody was first; and again if somebody was."""

from collections.abc import Callable
from uuid import UUID

from domain.commerce.orders import Order
from domain.commerce.ports import Orders
from domain.errors import Conflict, NotFound

TRIES = 5


async def change_order(orders: Orders, order_id: UUID, owner: str | None, alter: Callable[[Order], Order]) -> Order:
    """
    The order as `alter` left it; nothing is written where it left it as it was.

    `alter` is asked again for each try, with the order as it is by then. Raises `NotFound`, `Conflict`, `Unavailable`.
    """
    for _ in range(TRIES):
        before = await orders.find(order_id, owner)
        if before is None:
            raise no_such_order()
        after = alter(before)
        if after == before or await orders.change(before, after):
            return after
    raise Conflict("others change this order at the same moment; try again")


def no_such_order() -> NotFound:
    return NotFound("Order not found")
