"""
What a payment is left with when its owner has left: all that the books need, and nothing that the owner wrote.

Refunds are asked for by others too: what those wrote, and sent as keys, stays.
"""

from datetime import datetime

from domain.payments.payments import Payment, Refund

_THEIRS = {"details": None, "page": None, "idempotency_key": None, "fingerprint": None}
_OF_A_REFUND = {"reason": None, "idempotency_key": None, "fingerprint": None}


def redacted(payment: Payment, now: datetime) -> Payment:
    """What `PaymentStore.forget` makes of it. It counts as a change; where there is nothing to remove it is none."""
    refunds = [_redacted(refund) if refund.by == payment.client else refund for refund in payment.refunds]
    bare = payment.model_copy(update={**_THEIRS, "refunds": refunds})
    if bare == payment:
        return payment
    return bare.model_copy(update={"epoch": payment.epoch + 1, "updated_at": now})


def _redacted(refund: Refund) -> Refund:
    return refund.model_copy(update=_OF_A_REFUND)
