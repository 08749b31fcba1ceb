"""
The desk of payments: puts an order's payment on record, and sees to one that is no longer wanted.

A payment whose order was cancelled is withdrawn: called off where the processor has not heard of it, closed there where
somebody could still pay it, refunded where somebody did. Where nobody knows, the processor is asked under the same key
until it says so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import assert_never
from uuid import UUID

import structlog

from domain.commerce.moving import BEGIN_PAYMENT
from domain.commerce.orders import Order, Status
from domain.commerce.payments import KEY_LIFETIME, Known, checkout_job, known_of, withdrawal_job
from domain.commerce.ports import PaymentJobs
from domain.errors import Unavailable
from domain.jobs import Job
from domain.payments.jobs import give_back_job
from domain.payments.of_orders import payment_of, reserve_all
from domain.payments.ports import PaymentStore

_LOST = "nobody knows whether a cancelled order was paid; look at the processor"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Desk:
    """A `PaymentDesk`. A payment is in the books before its job is on record."""

    payments: PaymentJobs
    books: PaymentStore
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def begin(self, order: Order) -> None:
        """Of an order that was cancelled first it is withdrawn, and stays owed until that is done."""
        if order.status is Status.CANCELLED:
            await self.withdraw(order)
        elif order.status is Status.AWAITING_PAYMENT and order.payment is not None:
            await self._put(order)

    async def withdraw(self, order: Order) -> None:
        """What it puts on record, or leaves to the payment's own end, is told to the order by `PaymentEnds`."""
        if order.payment is None:
            return
        payment, now = await self._payment_of(order), self.clock()
        if payment is None:
            log.error(_LOST, order_id=str(order.id), why="its payment's job is no longer kept")
            return
        match known_of(payment):
            case Known.UNPAID:
                return
            case Known.PAID:
                await self.give_back(payment.id)
            case Known.OPEN:
                await self.payments.put(withdrawal_job(order, payment, now))
            case Known.UNCALLED:
                if not await self.payments.call_off(payment, now):
                    raise Unavailable("the payment has just gone on; it is looked at again")
            case Known.CALLED:
                raise Unavailable("the processor is just being asked for the payment")
            case Known.IN_DOUBT:
                await self._ask_again(order, payment, now)
            case never:
                assert_never(never)

    async def give_back(self, payment_id: UUID) -> None:
        """All that is left of what was paid although its order was cancelled."""
        now = self.clock()
        reserved = await reserve_all(self.books, payment_id, now)
        if reserved is not None:
            await self.payments.put(give_back_job(*reserved, now))

    async def _put(self, order: Order) -> None:
        now = self.clock()
        await self.books.add(payment_of(order, now))
        await self.payments.put(checkout_job(order, now))

    async def _payment_of(self, order: Order) -> Job | None:
        """
        Stored now where it never was: whoever was about to do so finds it called off.

        None for one that was on record, and outlived its time there: a new one would tell that nobody was charged.
        """
        payment = None if order.payment is None else await self.payments.find(order.payment)
        if payment is not None or BEGIN_PAYMENT not in (order.owed or ()):
            return payment
        await self._put(order)
        payment = None if order.payment is None else await self.payments.find(order.payment)
        if payment is None:
            raise Unavailable("the payment cannot be read just now")
        return payment

    async def _ask_again(self, order: Order, payment: Job, now: datetime) -> None:
        """It stays owed until the processor has said what became of it, or has forgotten the key."""
        if payment.redacted_at is not None or payment.created_at + KEY_LIFETIME <= now:
            log.error(_LOST, order_id=str(order.id), why="the processor may have forgotten the payment's key")
            return
        await self.payments.ask_again(payment, now)
        raise Unavailable("nobody knows yet whether it was paid; the processor is asked again")
