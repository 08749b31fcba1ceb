"""
Events of payments whose jobs have ended: a refund that somebody made at the processor, or a bank's late no to one.

Nothing is believed of them: a job of its own asks the processor how the payment stands. What it asks about is what the
event names: of a try that ended in doubt our books know no reference, and of an earlier try they have another's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from domain.commerce.payments import VENDOR
from domain.commerce.ports import PaymentJobs
from domain.jobs import Job
from domain.payments.job_ends import payment_of_job
from domain.payments.jobs import look_job
from domain.payments.payments import Payment
from domain.payments.ports import PaymentStore
from domain.webhooks import LookAgain, Notice


@dataclass(frozen=True, slots=True)
class PaymentLooks:
    """A `LateLooks`. However many events come within a second, one look follows them."""

    payments: PaymentStore
    jobs: PaymentJobs
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def take_up(self, vendor: str, notice: Notice, job: Job | None) -> bool:
        if vendor != VENDOR or not isinstance(notice.outcome, LookAgain):
            return False
        payment = await self._payment_of(notice.outcome, job)
        reference = None if payment is None else notice.outcome.at or payment.reference
        if payment is None or reference is None:
            return False
        await self.jobs.put(look_job(payment, reference, self.clock()))
        return True

    async def _payment_of(self, word: LookAgain, job: Job | None) -> Payment | None:
        """By its reference where its job is no longer kept: banks take their time."""
        if job is not None:
            return await self.payments.find(payment_of_job(job), None)
        return None if word.at is None else await self.payments.find_by_reference(word.at)
