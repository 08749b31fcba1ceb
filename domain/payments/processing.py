"""
Trying a payment: it names its try first, and the try's job is on record after that.

So no money can move for a try that its payment does not know of. A crash in between leaves a payment that owes the job
(`begin`), which has a derived id: whoever makes it, it is the one that the payment names.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from domain.errors import Conflict
from domain.payments.jobs import try_id
from domain.payments.payments import Payment, Status
from domain.payments.refunding import SOONEST

BEGIN = "begin"  # owed: the job of the try that counts

_WHY: Mapping[Status, str] = {
    Status.COMPLETED: "this payment is completed already",
    Status.REFUNDED: "this payment was completed, and refunded; make another payment",
    Status.CANCELLED: "this payment was cancelled; make another payment",
    Status.REQUIRES_ACTION: "its buyer has to confirm this payment first: see next_action",
}


def page_begun(draft: Payment) -> Payment:
    """A new payment that is paid on its page: under way from the start, and owing the job that opens it."""
    return draft.model_copy(
        update={
            "status": Status.PROCESSING,
            "job": try_id(draft),
            "tries": 1,
            "owed": [BEGIN],
            "sweep_at": draft.created_at + SOONEST,
        }
    )


def pinned(payment: Payment, account: str, job: UUID) -> Payment:
    """
    What `PaymentStore.pin` makes of a payment: to the account that its try goes to, and to no other after that.

    Of what is paid no try is sent any more, and where the money is the next one need not know.
    """
    if payment.account is not None or payment.captured > 0 or is_over(payment, job):
        return payment
    return payment.model_copy(update={"account": account, "epoch": payment.epoch + 1})


def is_over(payment: Payment, job: UUID) -> bool:
    """Whether another try than this job's counts by now: the processor said no to this one, and its sending ends."""
    return payment.job not in (None, job)


def begun(payment: Payment, payment_method: str, now: datetime) -> Payment:
    """
    The payment with a try of this way to pay; while one is under way, the same payment.

    Another try begins after the processor's explicit no alone. Raises `Conflict`.
    """
    if payment.page is not None and payment.status is Status.PROCESSING:
        raise Conflict("this payment is paid on its page: see next_action", code="payment-state")
    if payment.status in _WHY:
        raise Conflict(_WHY[payment.status], code="payment-state")
    if payment.order is not None:
        raise Conflict("this is an order's payment; it is paid on its page", code="payment-state")
    if payment.status is Status.PROCESSING:
        if payment.payment_method == payment_method:
            return payment
        detail = "this payment is being tried with another payment method; wait for its end"
        raise Conflict(detail, code="payment-state")
    soon = now + SOONEST
    return payment.model_copy(
        update={
            "status": Status.PROCESSING,
            "payment_method": payment_method,
            "account": None,  # the processor said no there, so this try may go elsewhere
            "job": try_id(payment),
            "tries": payment.tries + 1,
            "failure": None,
            "next_action": None,
            "epoch": payment.epoch + 1,
            "owed": [*(kind for kind in payment.owed or () if kind != BEGIN), BEGIN],
            "sweep_at": min(soon, payment.sweep_at or soon),
            "updated_at": now,
        }
    )
