"""What an order learns when a job of its payment ends, by webhook, by poll or in time: once, however often told."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog

from domain.commerce.changing import change_order
from domain.commerce.following import Following
from domain.commerce.moving import GATEWAY, REFUND_IF_PAID, moved, owing
from domain.commerce.orders import Order, Status, Step
from domain.commerce.payments import CHECKOUT, REFUND, Known, kind_of, known_of, refund_job
from domain.commerce.ports import PaymentJobs
from domain.errors import Conflict, Unavailable
from domain.jobs import Job
from domain.jobs import Status as JobStatus
from domain.submitted_fields import to_milliseconds

NOT_PAID = "the payment failed"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PaymentEnds:
    following: Following
    payments: PaymentJobs
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def tell(self, job: Job) -> None:
        """Return when the order knows, and what follows is on record; safe to repeat. Raises `Unavailable`."""
        order = await self.following.orders.find_by_payment(job.parent or job.id)
        if order is None:
            log.error("a payment ended that is no order's", request_id=str(job.id))
            return
        kind = kind_of(job)
        if kind == CHECKOUT:
            await self._settle(order, job)
        elif kind == REFUND:
            await self._refunded(order, job)

    async def _settle(self, order: Order, payment: Job) -> None:
        known = known_of(payment)
        if known is Known.PAID:
            after = await self._move(order, payment.id, Status.PAID)
            if after.status is Status.CANCELLED or after.payment != payment.id:
                log.warning("an order was paid that is no longer wanted", order_id=str(order.id))
                await self.payments.put(refund_job(after, payment, self.clock()))
        elif known is Known.UNPAID:
            await self._move(order, payment.id, Status.CANCELLED, NOT_PAID)
        else:
            log.warning("nobody knows what became of a payment", order_id=str(order.id), request_id=str(payment.id))
            await self._doubt(order, payment.id)

    async def _doubt(self, order: Order, payment: UUID) -> None:
        """
        Unknown is not failed: the order waits, and its time ends it; what it owes then asks again.

        One that has ended may have done what it owed, such as closing the page, and owes it anew.
        """

        def alter(it: Order) -> Order:
            ended = it.status is Status.CANCELLED and it.payment == payment
            return owing(it, REFUND_IF_PAID, self._now()) if ended else it

        await self._write(order, alter)

    async def _refunded(self, order: Order, refund: Job) -> None:
        if refund.status is not JobStatus.COMPLETE:
            log.error("a refund came to nothing; retry its job", order_id=str(order.id), request_id=str(refund.id))
            return
        await self._change(order, lambda it: _moved(it, Status.CANCELLED, Status.REFUNDED, self._now()))

    async def _move(self, order: Order, payment: UUID, to: Status, why: str | None = None) -> Order:
        """From where it awaits this payment; an order that is elsewhere stays there."""

        def alter(it: Order) -> Order:
            mine = it.payment == payment
            return _moved(it, Status.AWAITING_PAYMENT, to, self._now(), why) if mine else it

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


def _moved(order: Order, where: Status, to: Status, now: datetime, why: str | None = None) -> Order:
    return moved(order, Step(at=now, status=to, by=GATEWAY, why=why)) if order.status is where else order
