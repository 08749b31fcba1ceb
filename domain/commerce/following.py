"""
What follows of an order's move: it is owed from the very write that made the move, until it is on record elsewhere.

Whoever makes a move does what is owed at once; the sweep (`domain.commerce.upkeep`) is the net under that. A crash in
between does it again, and the names that follow-ups go by make one of the two.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog

from domain.commerce.moving import BEGIN_PAYMENT, MAIL, MAILS, REFUND_IF_PAID, struck_off
from domain.commerce.orders import Order
from domain.commerce.ports import Notices, Orders, PaymentDesk
from domain.errors import Unavailable

LOOKS = 3  # at an order that went on meanwhile; then it is the sweep's

FollowUp = Callable[[Order], Awaitable[None]]  # returns when it is on record; safe to repeat; raises `Unavailable`

log = structlog.get_logger()


def follow_ups(notices: Notices, desk: PaymentDesk) -> Mapping[str, FollowUp]:
    """By the word that an order owes it under: permanent, since orders of every age carry it."""
    mails = {kind: partial(_tell, notices, kind) for kind in MAILS.values()}
    return {BEGIN_PAYMENT: desk.begin, REFUND_IF_PAID: desk.withdraw, **mails}


@dataclass(frozen=True, slots=True)
class Following:
    orders: Orders
    table: Mapping[str, FollowUp]

    async def soon(self, order: Order, now: datetime) -> Order:
        """The order as it stands then. What goes wrong here is the sweep's: the move is made, whatever follows."""
        try:
            return await self.follow(order, now)
        except Unavailable as fault:
            log.warning("what an order owes waits for the sweep", order_id=str(order.id), fault=fault.detail)
            return order

    async def follow(self, order: Order, now: datetime) -> Order:
        """Do what is owed, and strike off what is done; what is not is looked at later. Raises `Unavailable`."""
        done = {kind for kind in order.owed or () if await self._do(kind, order)}
        for _ in range(LOOKS):
            if not done.intersection(order.owed or ()) and not _is_due(order, now):
                break
            after = struck_off(order, done, now)
            if await self.orders.change(order, after):
                return after
            order = await self.orders.find(order.id, None) or order
        return order

    async def _do(self, kind: str, order: Order) -> bool:
        """Whether it is on record. What a newer version of this program asks for is left to that."""
        follow_up = self.table.get(kind)
        if follow_up is None:
            return False
        try:
            await follow_up(order)
        except Unavailable as fault:
            log.warning("an order's follow-up has to wait", order_id=str(order.id), kind=kind, fault=fault.detail)
            return False
        except Exception:  # it is looked at later, and keeps nobody else's waiting
            log.exception("an order's follow-up broke", order_id=str(order.id), kind=kind)
            return False
        return True


def key_of(order: Order, kind: str) -> str:
    """What a follow-up is on record under, and so once: the same whenever, and by whomever, it is asked for."""
    return f"order:{order.id}:{kind}"


async def _tell(notices: Notices, kind: str, order: Order) -> None:
    await notices.tell(order, kind.removeprefix(MAIL), key_of(order, kind))


def _is_due(order: Order, now: datetime) -> bool:
    return order.sweep_at is not None and order.sweep_at <= now
