"""The sweep of orders: ends those whose time is up, and does what was owed and not done. Any number may run at once."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from domain.commerce.cancelling import expired
from domain.commerce.following import Following
from domain.commerce.moving import has_expired
from domain.commerce.orders import Order
from domain.commerce.ports import Orders
from domain.errors import Unavailable

LARGEST_LOOK = 100

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Upkeep:
    orders: Orders
    following: Following

    async def once(self, now: datetime, limit: int = LARGEST_LOOK) -> int:
        """Look at the orders that are due; answers how many were looked after. Raises `Unavailable`."""
        due = await self.orders.due(now, limit)
        return sum([await self._look_after(order, now) for order in due])

    async def _look_after(self, order: Order, now: datetime) -> bool:
        """One that cannot be helped now must not keep the others waiting."""
        try:
            await self._help(order, now)
        except Unavailable as fault:
            log.warning("an order could not be looked after", order_id=str(order.id), fault=fault.detail)
            return False
        except Exception:
            log.exception("looking after an order broke", order_id=str(order.id))
            return False
        return True

    async def _help(self, order: Order, now: datetime) -> None:
        if has_expired(order, now):
            ended = expired(order, now)
            if not await self.orders.change(order, ended):
                return  # somebody was first, and follows up themselves
            log.info("an order was not paid in time", order_id=str(order.id))
            order = ended
        await self.following.follow(order, now)
