"""
What a payment learns when a job of its ends without the processor's word: one that was never sent moved no money.

The processor's own word was booked before the job ended (`domain.payments.hearing`). Where nobody knows, nothing is
said: the payment, or what its refund reserves, stays as it is until an event or the reconciliation tells.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog

from domain.commerce.moving import GATEWAY
from domain.commerce.payments import CHECKOUT, GIVE_BACK, PROCESS, Known, kind_of, known_of
from domain.jobs import Job
from domain.payments.following import PaymentFollowing
from domain.payments.hearing import Hearing
from domain.payments.jobs import CREATE_CHECKOUT
from domain.payments.money_state import Standing
from domain.payments.payments import Failure, Payment
from domain.request_ids import read_request_id
from domain.submitted_fields import to_milliseconds

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PaymentJobEnds:
    following: PaymentFollowing
    hearing: Hearing
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def tell(self, job: Job) -> None:
        """Return when the payment knows, and what follows is on record; safe to repeat. Raises `Unavailable`."""
        payment = await self._payment(payment_of_job(job))
        if payment is None:
            log.error("a payment's job ended, and the payment is not on record", request_id=str(job.id))
            return
        known, kind = known_of(job), kind_of(job)
        if known is Known.IN_DOUBT:
            log.warning("nobody knows what became of money", payment_id=str(payment.id), request_id=str(job.id))
        elif known is Known.UNPAID and kind in (CHECKOUT, PROCESS, CREATE_CHECKOUT):
            await self._never_tried(payment, job)
        elif known is Known.UNPAID and kind == GIVE_BACK:
            await self._refused(payment, job)
        now = to_milliseconds(self.clock())
        await self.following.follow(await self._payment(payment.id) or payment, now)

    async def _never_tried(self, payment: Payment, job: Job) -> None:
        """One that is paid on a page is over with its job; of the others another try may be made."""
        has_page = payment.order is not None or payment.page is not None
        standing = Standing.CLOSED if has_page else Standing.DECLINED
        await self.hearing.never_tried(payment.id, job.id, standing, _why(job))

    async def _refused(self, payment: Payment, job: Job) -> None:
        """What the gateway owed nobody asks for again by itself, and nobody waits for its answer."""
        why = _why(job).message
        await self.hearing.refund_refused(payment.id, job.id, why)
        if any(refund.id == job.id and refund.by == GATEWAY for refund in payment.refunds):
            log.error("what a cancelled order's buyer paid was not given back", payment_id=str(payment.id), why=why)

    async def _payment(self, payment_id: UUID) -> Payment | None:
        return await self.following.payments.find(payment_id, None)


def payment_of_job(job: Job) -> UUID:
    """The id of the payment that a job is of. An order's payment is under its job's."""
    return read_request_id((job.metadata or {}).get("payment_id", "")) or job.parent or job.id


def _why(job: Job) -> Failure:
    if job.error is None:
        return Failure(code="cancelled", message="Its order was cancelled before anybody was asked to pay.")
    return Failure(code=job.error.code, message=job.error.message)
