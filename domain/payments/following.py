"""What a payment owes, until it is on record: the job of its try, and those of its refunds. As orders do."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from domain.commerce.ports import PaymentJobs
from domain.errors import Unavailable
from domain.payments import processing, settling
from domain.payments.jobs import give_back_job, page_job, try_job
from domain.payments.payments import Payment, RefundStatus
from domain.payments.ports import PaymentStore
from domain.payments.refunding import SOONEST, owed_for

LOOKS = 3  # at a payment that went on meanwhile; then it is the sweep's
LATEST = timedelta(hours=1)

log = structlog.get_logger()


class TellsOrders(Protocol):
    """All methods return when the order knows, are safe to repeat, and raise `Unavailable`."""

    async def paid(self, payment: Payment) -> None: ...

    async def refunded(self, payment: Payment) -> None:
        """All of it went back."""
        ...


@dataclass(frozen=True, slots=True)
class PaymentFollowing:
    """
    `return_url` is where a buyer comes back to who had to prove who they are.

    `orders` is told what became of an order's payment; None leaves that to a process that knows orders.
    """

    payments: PaymentStore
    jobs: PaymentJobs
    return_url: str
    orders: TellsOrders | None = None

    async def soon(self, payment: Payment, now: datetime) -> Payment:
        """The payment as it stands then. What goes wrong here is the sweep's: what was asked for is on record."""
        try:
            return await self.follow(payment, now)
        except Unavailable as fault:
            log.warning("what a payment owes waits for the sweep", payment_id=str(payment.id), fault=fault.detail)
            return payment

    async def follow(self, payment: Payment, now: datetime) -> Payment:
        """Do what is owed, and strike off what is done; what is not is looked at later. Raises `Unavailable`."""
        done = {kind for kind in payment.owed or () if await self._do(kind, payment, now)}
        for _ in range(LOOKS):
            due = payment.sweep_at is not None and payment.sweep_at <= now
            if not done.intersection(payment.owed or ()) and not due:
                break
            after = struck_off(payment, done, now)
            if await self.payments.change(payment, after):
                return after
            tried = payment.job
            payment = await self.payments.find(payment.id, None) or payment
            if payment.job != tried:  # what is owed now is the job of another try
                done.discard(processing.BEGIN)
        return payment

    async def _do(self, kind: str, payment: Payment, now: datetime) -> bool:
        """Whether it is on record. What a newer version of this program asks for is left to that."""
        try:
            return await self._is_done(kind, payment, now)
        except Unavailable as fault:
            log.warning("a payment's follow-up has to wait", payment_id=str(payment.id), kind=kind, fault=fault.detail)
            return False
        except Exception:  # it is looked at later, and keeps nobody else's waiting
            log.exception("a payment's follow-up broke", payment_id=str(payment.id), kind=kind)
            return False

    async def _is_done(self, kind: str, payment: Payment, now: datetime) -> bool:
        match kind:
            case processing.BEGIN:
                return await self._is_begun(payment, now)
            case settling.ORDER_PAID if self.orders is not None:
                await self.orders.paid(payment)
                return True
            case settling.ORDER_REFUNDED if self.orders is not None:
                await self.orders.refunded(payment)
                return True
            case _:
                return await self._is_given_back(kind, payment, now)

    async def _is_begun(self, payment: Payment, now: datetime) -> bool:
        """Of what its owner took along when they left nothing can be begun, and nobody waits for it."""
        if payment.page is not None:
            await self.jobs.put(page_job(payment, now))
        elif payment.payment_method is not None:
            await self.jobs.put(try_job(payment, self.return_url, now))
        return True

    async def _is_given_back(self, kind: str, payment: Payment, now: datetime) -> bool:
        pending = {owed_for(one): one for one in payment.refunds if one.status is RefundStatus.PENDING}
        if kind in pending:
            await self.jobs.put(give_back_job(payment, pending[kind], now))
        return kind in {owed_for(one) for one in payment.refunds}


def struck_off(payment: Payment, done: Collection[str], now: datetime) -> Payment:
    """The payment without what is on record; what is left is looked at again at doubling distances."""
    left = [kind for kind in payment.owed or () if kind not in done]
    later = now + min(max(SOONEST, now - payment.updated_at), LATEST) if left else None
    return payment.model_copy(update={"epoch": payment.epoch + 1, "owed": left or None, "sweep_at": later})
