"""
Asking for a refund: once for its maker's key, and never for more than is left, whoever else asks at the same instant.

The one that decides is `PaymentStore.reserve`. What it answers with nothing is read again, to tell why.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.errors import Conflict, FieldError, Invalid, KeyReused
from domain.payments.amounts import check_exact
from domain.payments.changing import TRIES, no_such_payment
from domain.payments.payments import Payment, Refund
from domain.payments.ports import PaymentStore
from domain.payments.refunding import amount_of
from domain.request_ids import new_request_id

_CROWDED = "others change this payment at the same moment; try again with the same Idempotency-Key"
_REUSED = (
    "this Idempotency-Key came before with another body; take a new key for another refund, or send the first again"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """`amount` None: all that is left. `currency` is only compared."""

    amount: int | None
    currency: str | None
    reason: str | None
    by: str
    at: datetime
    idempotency_key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class GivenBack:
    payment: Payment
    refund: Refund
    replayed: bool


Tell = Callable[[Refund], Awaitable[None]]


async def give_back(
    payments: PaymentStore, payment_id: UUID, owner: str | None, wanted: Wanted, tell: Tell
) -> GivenBack:
    """
    The refund, reserved; `tell` puts it on record before that, once.

    Raises `NotFound`, `KeyReused`, `Invalid`, and `Conflict` for more than is left.
    """
    made, told = new_request_id(), False
    for _ in range(TRIES):
        payment = await payments.find(payment_id, owner)
        if payment is None:
            raise no_such_payment()
        earlier = _earlier(payment, wanted)
        if earlier is not None:
            return GivenBack(payment, earlier, replayed=True)
        refund = _refund(payment, wanted, made)
        if not told:
            await tell(refund)
            told = True
        after = await payments.reserve(payment_id, owner, refund)
        if after is not None:
            return GivenBack(after, refund, replayed=False)
    raise Conflict(_CROWDED)


def _earlier(payment: Payment, wanted: Wanted) -> Refund | None:
    """Raises `KeyReused` where it was asked for in other words."""
    key = (wanted.by, wanted.idempotency_key)
    earlier = next((each for each in payment.refunds if (each.by, each.idempotency_key) == key), None)
    if earlier is not None and earlier.fingerprint != wanted.fingerprint:
        raise KeyReused(_REUSED)
    return earlier


def _refund(payment: Payment, wanted: Wanted, made: UUID) -> Refund:
    """Raises `Invalid`, `Conflict`."""
    currency = payment.total.currency
    if wanted.currency not in (None, currency):
        detail = f"must be {currency}, in which this payment was made, or left out"
        raise Invalid(f"/currency {detail}", errors=(FieldError("/currency", detail),))
    if wanted.amount is not None:
        check_exact(wanted.amount, currency)
    return Refund(
        id=made,
        amount=amount_of(payment, wanted.amount),
        reason=wanted.reason,
        by=wanted.by,
        idempotency_key=wanted.idempotency_key,
        fingerprint=wanted.fingerprint,
        created_at=wanted.at,
    )
