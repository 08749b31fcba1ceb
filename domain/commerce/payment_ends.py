"""What an order learns when a job of its payment ends, by webhook, by poll or in time: once, however often told."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog

from domain.commerce.changing import change_order
from domain.commerce.following import Following
from domain.commerce.moving import GATEWAY, REFUND_IF_PAID, moved, owing
from domain.commerce.orders import Order, Status, Step
from domain.commerce.payments import CHECKOUT, Known, kind_of, known_of
from domain.commerce.ports import PaymentDesk
from domain.errors import Conflict, Unavailable
from domain.jobs import Job
from domain.payments.payments import Payment
from domain.submitted_fields import to_milliseconds

NOT_PAID = "the payment failed"
_PAID = frozenset({Status.PAID, Status.SHIPPED, Status.DELIVERED, Status.CANCELLED})  # the last: all the same

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PaymentEnds:
    following: Following
    desk: PaymentDesk
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def tell(self, job: Job) -> None:
        """Return when the order knows, and what follows is on record; safe to repeat. Raises `Unavailable`."""
        order = await self.following.orders.find_by_payment(job.parent or job.id)
        if order is None:
            log.error("a payment ended that is no order's", request_id=str(job.id))
            return
        if kind_of(job) == CHECKOUT:
            await self._settle(order, job)

    async def paid(self, payment: Payment) -> None:
        """It is booked that money came, whatever became of the payment's job: likewise."""
        order = await self.following.orders.find_by_payment(payment.id)
        if order is None:
            log.error("a payment was paid that is no order's", payment_id=str(payment.id))
            return
        await self._paid(order, payment.id)

    async def refunded(self, payment: Payment) -> None:
        """All that was paid went back, whoever asked for that: likewise."""
        order = await self.following.orders.find_by_payment(payment.id)
        if order is None or order.payment != payment.id:
            log.error("a payment was refunded that is no order's, or counts no longer", payment_id=str(payment.id))
            return
        if order.status is Status.AWAITING_PAYMENT:
            raise Unavailable("its order has yet to learn that it was paid")
        await self._change(order, lambda it: _moved(it, _PAID, Status.REFUNDED, self._now()))

    async def _settle(self, order: Order, payment: Job) -> None:
        known = known_of(payment)
        if known is Known.PAID:
            await self._paid(order, payment.id)
        elif known is Known.UNPAID:
            await self._move(order, payment.id, Status.CANCELLED, NOT_PAID)
        else:
            log.warning("nobody knows what became of a payment", order_id=str(order.id), request_id=str(payment.id))
            await self._doubt(order, payment.id)

    async def _paid(self, order: Order, payment: UUID) -> None:
        after = await self._move(order, payment, Status.PAID)
        if after.status is Status.CANCELLED or after.payment != payment:
            log.warning("an order was paid that is no longer wanted", order_id=str(order.id))
            await self.desk.give_back(payment)

    async def _doubt(self, order: Order, payment: UUID) -> None:
        """
        Unknown is not failed: the order waits, and its time ends it; what it owes then asks again.

        One that has ended may have done what it owed, such as closing the page, and owes it anew.
        """

        def alter(it: Order) -> Order:
            ended = it.status is Status.CANCELLED and it.payment == payment
            return owing(it, REFUND_IF_PAID, self._now()) if ended else it

        await self._write(order, alter)

    async def _move(self, order: Order, payment: UUID, to: Status, why: str | None = None) -> Order:
        """From where it awaits this payment; an order that is elsewhere stays there."""

        def alter(it: Order) -> Order:
            mine = it.payment == payment
            return _moved(it, {Status.AWAITING_PAYMENT}, to, self._now(), why) if mine else it

        return await self._change(order, alter)

    async def _change(self, order: Order, alter: Callable[[Order], Order]) -> Order:
        return await self.following.soon(await self._write(order, alter), self._now())

    async def _write(self, order: Order, alter: Callable[[Order], Order]) -> Order:
        try:
            return await change_order(self.following.orders, order.id, None, alter)
        except Conflict as fault:
            raise Unavailable(fault.detail) from None

    def _now(self) -> datetime:
        return to_milliseconds(self.clock())


def _moved(order: Order, where: Collection[Status], to: Status, now: datetime, why: str | None = None) -> Order:
    return moved(order, Step(at=now, status=to, by=GATEWAY, why=why)) if order.status in where else order
