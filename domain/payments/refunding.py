"""
Giving money back: a refund is reserved, and pushed into its payment, by one atomic update (`PaymentStore.reserve`).

Its job derives from it and comes after. Until the processor has said what became of it, what it would give back is
reserved, so that no number of refunds at once is ever more than was captured.
"""

from datetime import datetime, timedelta
from uuid import UUID

from domain.errors import Conflict
from domain.money import written
from domain.payments.payments import MOST_REFUNDS, Payment, Refund, RefundStatus, Status

SOONEST = timedelta(seconds=10)  # the fast path is done by then, or its process is gone

_UNPAID = "this payment is {status}: nothing was captured that could be given back"


def amount_of(payment: Payment, asked: int | None) -> int:
    """How much a refund gives back: as asked for, or all that is left. Raises `Conflict`."""
    if payment.captured == 0:
        raise Conflict(_UNPAID.format(status=payment.status), code="payment-state")
    if payment.refundable == 0:
        detail = "all of this payment was given back, or is just being given back"
        raise Conflict(detail, code="payment-state" if payment.status is Status.REFUNDED else "refund-too-large")
    if asked is not None and asked > payment.refundable:
        left = payment.total.model_copy(update={"amount": payment.refundable})
        raise Conflict(f"only {written(left)} of this payment can still be given back", code="refund-too-large")
    if len(payment.refunds) >= MOST_REFUNDS:
        raise Conflict("this payment has had as many refunds as one may have", code="payment-state")
    return payment.refundable if asked is None else asked


def reserved(payment: Payment, refund: Refund) -> Payment | None:
    """
    What `PaymentStore.reserve` makes of a payment: with the refund, what it would give back, and its job owed.

    None where that is more than there is left, where there are too many, or where the refund is there already, by its
    id or its maker's key.
    """
    check_reservable(refund)
    if _is_there(payment, refund) or len(payment.refunds) >= MOST_REFUNDS:
        return None
    if payment.refunded + payment.refunding + refund.amount > payment.captured:
        return None
    soon, owed = refund.created_at + SOONEST, owed_for(refund)
    changes = {
        "refunds": [*payment.refunds, refund],
        "refunding": payment.refunding + refund.amount,
        "epoch": payment.epoch + 1,
        "owed": [*(kind for kind in payment.owed or () if kind != owed), owed],
        "sweep_at": min(soon, payment.sweep_at or soon),
        "updated_at": refund.created_at,
    }
    return payment.model_copy(update=changes)


def refused(payment: Payment, refund_id: UUID, why: str, now: datetime) -> Payment:
    """The payment after the processor's no to make a refund; as it is, where that is not pending, or was made."""
    known = next((refund for refund in payment.refunds if refund.id == refund_id), None)
    if known is None or known.status is not RefundStatus.PENDING or known.reference is not None:
        return payment
    failed = known.model_copy(update={"status": RefundStatus.FAILED, "failure": why})
    changes = {
        "refunds": [failed if refund.id == refund_id else refund for refund in payment.refunds],
        "refunding": payment.refunding - known.amount,
        "epoch": payment.epoch + 1,
        "updated_at": now,
    }
    return payment.model_copy(update=changes)


def owed_for(refund: Refund) -> str:
    """The word under which a payment owes a refund's job: permanent, since payments of every age carry it."""
    return f"refund:{refund.id}"


def check_reservable(refund: Refund) -> None:
    """Raises `ValueError`: less than nothing would make room for more than was captured."""
    if refund.amount <= 0 or refund.status is not RefundStatus.PENDING or refund.reference is not None:
        raise ValueError("a refund is reserved before it is made, and gives something back")


def _is_there(payment: Payment, refund: Refund) -> bool:
    key = (refund.by, refund.idempotency_key)
    keyed = refund.idempotency_key is not None
    return any(
        known.id == refund.id or (keyed and (known.by, known.idempotency_key) == key) for known in payment.refunds
    )
