"""
Payments and refunds that are under way with us while no job is at them any more: what became of them at Stripe.

A payment is never charged again for it, and never ended by it: a person decides. A refund of which Stripe has none may
be released.
"""

from datetime import datetime

from domain.commerce.payments import KEY_LIFETIME, LIFETIME
from domain.commerce.ports import PaymentJobs
from domain.jobs import Job
from domain.outcomes import Failed, Retry
from domain.payments.hearing import Hearing
from domain.payments.payments import Payment, Refund, RefundStatus, Status
from domain.payments.processing import BEGIN
from domain.payments.reconciling import Finding
from domain.payments.refunding import owed_for
from domain.vendors import Call
from vendors.payments.booking import NotHeard
from vendors.payments.comparing import Comparing, Note
from vendors.stripe.client import StripeDoor
from vendors.stripe.looking import SESSION
from vendors.stripe.words import JOB, REFUND

NO_REFUND = "Stripe has no such refund: it was never made."

_UNDER_WAY = frozenset({Status.PROCESSING, Status.REQUIRES_ACTION})


class Doubts:
    """For one page, after all that Stripe has made `since` was compared. Raises as `Comparing` does."""

    def __init__(self, door: StripeDoor, hearing: Hearing, jobs: PaymentJobs, comparing: Comparing, call: Call) -> None:
        self._door = door
        self._hearing = hearing
        self._jobs = jobs
        self._comparing = comparing
        self._call = call

    async def of(self, payment: Payment, since: datetime) -> list[Note]:
        """Of what goes through another account nothing follows from what ours has: it is named, whoever is at it."""
        if await self._comparing.is_elsewhere(payment):
            return [(Finding.OTHER_ACCOUNT, str(payment.id))]
        if payment.status in _UNDER_WAY and payment.captured == 0:
            finding = await self._of_the_try(payment, since)
            return [] if finding is None else [(finding, str(payment.id))]
        pending = [refund for refund in payment.refunds if refund.status is RefundStatus.PENDING]
        unwatched = [refund for refund in pending if not await self._is_at_work(payment, refund)]
        return await self._of_refunds(payment, unwatched) if unwatched else []

    async def _of_the_try(self, payment: Payment, since: datetime) -> Finding | None:
        """None while its job is at it, or is still to be put on record."""
        job = None if payment.job is None else await self._jobs.find(payment.job)
        if BEGIN in (payment.owed or ()) or (job is not None and not job.ended):
            return None
        reference = await self._reference_of_the_try(payment, job)
        if reference is not None:
            finding = await self._comparing.mend(payment, reference)
            return Finding.OPEN if finding is Finding.AGREED else finding
        tried, ended = (payment.created_at, payment.updated_at) if job is None else (job.created_at, job.updated_at)
        if self._now() - ended <= KEY_LIFETIME:
            return Finding.OPEN
        return Finding.NOT_AT_PROCESSOR if tried >= since else Finding.IN_DOUBT

    async def _reference_of_the_try(self, payment: Payment, job: Job | None) -> str | None:
        """What Stripe has of it; the payment's own reference may be an earlier try's, whose no says nothing of this."""
        if job is not None and job.vendor_ref is not None:
            return job.vendor_ref
        if payment.reference is None or payment.order is not None or payment.reference.startswith(SESSION):
            return payment.reference
        intent = await self._door.retrieve_intent(payment.reference, self._call)
        if isinstance(intent, Retry):
            raise NotHeard(intent)
        mine = not isinstance(intent, Failed) and intent.metadata.get(JOB) == str(payment.job)
        return payment.reference if mine else None

    async def _is_at_work(self, payment: Payment, refund: Refund) -> bool:
        if owed_for(refund) in (payment.owed or ()):
            return True
        job = await self._jobs.find(refund.id)
        return job is not None and not job.ended

    async def _of_refunds(self, payment: Payment, pending: list[Refund]) -> list[Note]:
        heard = await self._comparing.mend(payment, payment.reference or "")
        if heard not in {Finding.AGREED, Finding.MENDED}:
            return [(heard, str(payment.id))]
        after = await self._hearing.payments.find(payment.id, None) or payment
        now = {refund.id: refund for refund in after.refunds}
        return [(await self._of_refund(after, now.get(one.id, one)), str(one.id)) for one in pending]

    async def _of_refund(self, payment: Payment, refund: Refund) -> Finding:
        """
        One that is not in the whole list of the payment's refunds is released; but not before Stripe has forgotten its
        key.

        Why that is safe. Its job has ended, and asks no more: a retry by hand goes by the job, which is read last. A
        call outlives its job by seconds, and a day has gone by since. The list is read to its last page after all
        that, and a refund stands in it with our id as soon as it is made, whatever became of its answer.

        What remains is Stripe's own word that it may bring about later what it answered by a 500. If it ever does, the
        refund is known by our id, and is booked as made, though it was released; and if its place was taken meanwhile,
        Stripe itself gives back no more than was taken. So neither the books nor the till can be wrong by it: at worst
        one is given back twice who asked twice. To hold it for ever would keep money from its owner for certain.
        """
        if refund.status is not RefundStatus.PENDING:
            return Finding.MENDED
        if refund.reference is not None:
            return Finding.OPEN
        job = await self._jobs.find(refund.id)
        if job is not None and not job.ended:
            return Finding.OPEN
        ended = refund.created_at + LIFETIME if job is None else job.updated_at
        if self._now() - ended <= KEY_LIFETIME:
            return Finding.OPEN
        if await self._may_be_there(payment, refund):
            return Finding.OPEN
        await self._hearing.refund_refused(payment.id, refund.id, NO_REFUND)
        return Finding.RELEASED

    async def _may_be_there(self, payment: Payment, refund: Refund) -> bool:
        """By all refunds that Stripe has of the payment. A question that was refused says nothing."""
        refunds = await self._door.list_refunds(payment.reference or "", self._call)
        match refunds:
            case Retry():
                raise NotHeard(refunds)
            case Failed():
                return True
            case found:
                return str(refund.id) in {one.metadata.get(REFUND) for one in found}

    def _now(self) -> datetime:
        return self._hearing.clock()
