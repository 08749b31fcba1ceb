"""Making a payment: a record of what is to be paid, and of nothing that was. Nobody is charged by it."""

from dataclasses import dataclass

from domain.errors import KeyReused
from domain.payments.payments import Payment
from domain.payments.ports import PaymentStore


@dataclass(frozen=True, slots=True)
class Made:
    """`replayed`: the key came before, and this is the payment that was made then, as it stands by now."""

    payment: Payment
    replayed: bool


async def make_payment(payments: PaymentStore, draft: Payment) -> Made:
    """Raises `KeyReused`, `Unavailable`."""
    stored = await payments.add(draft)
    if stored.fingerprint != draft.fingerprint:
        raise KeyReused(
            "this Idempotency-Key came before with another body; take a new key for a new payment, "
            "or send the first body again"
        )
    return Made(stored, replayed=stored.id != draft.id)
