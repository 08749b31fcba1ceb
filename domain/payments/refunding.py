"""
Giving money back: a refund is reserved, and pushed into its payment, by one atomic update (`PaymentStore.reserve`).

Its job derives from it and comes after. Until the processor has said what became of it, what it would give back is
reserved, so that no number of refunds at once is ever more than was captured.
"""

from domain.errors import Conflict
from domain.money import written
from domain.payments.payments import Payment, Status

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
    return payment.refundable if asked is None else asked
