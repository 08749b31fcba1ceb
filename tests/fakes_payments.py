"""What payments need of a store, faked: in memory, with the port's own promises; and the words to test them with."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from domain.money import Money
from domain.payments.money_state import MoneyState, Standing
from domain.payments.payments import Payment, Refund, Status, Transaction
from domain.payments.ports import PaymentFilter, TransactionFilter
from domain.payments.processing import pinned
from domain.payments.redacting import redacted
from domain.payments.refunding import reserved
from domain.payments.settling import Contradiction, check_change
from domain.request_ids import new_request_id
from tests.outages import MayBeDown
from tests.strategies import NOON


class FakePaymentStore(MayBeDown):
    """A `PaymentStore` over two dictionaries."""

    def __init__(self, *payments: Payment) -> None:
        super().__init__()
        self.stored: dict[UUID, Payment] = {}
        self.transactions: dict[UUID, Transaction] = {}
        self._known_as: dict[str, UUID] = {}
        for payment in payments:
            self._store(payment)

    async def add(self, payment: Payment) -> Payment:
        self._answer()
        earlier = next((each for each in self.stored.values() if _is_same(each, payment)), None)
        if earlier is None:
            self._store(payment)
        return earlier or payment

    async def find(self, payment_id: UUID, owner: str | None) -> Payment | None:
        self._answer()
        return self._owned(payment_id, owner)

    async def find_by_reference(self, reference: str) -> Payment | None:
        self._answer()
        known = self._known_as.get(reference)
        return None if known is None else self.stored[known]

    async def change(self, before: Payment, after: Payment, transactions: Sequence[Transaction] = ()) -> bool:
        self._answer()
        check_change(before, after, transactions)
        stored = self.stored.get(before.id)
        if stored is None or stored.epoch != before.epoch:
            return False
        self._store(after)
        self.transactions |= {transaction.id: transaction for transaction in transactions}
        return True

    async def reserve(self, payment_id: UUID, owner: str | None, refund: Refund) -> Payment | None:
        self._answer()
        payment = self._owned(payment_id, owner)
        after = reserved(payment or _NOBODYS, refund)
        if payment is None or after is None:
            return None
        self._store(after)
        return after

    async def pin(self, payment_id: UUID, account: str, job: UUID) -> Payment | None:
        self._answer()
        payment = self.stored.get(payment_id)
        if payment is None:
            return None
        self._store(pinned(payment, account, job))
        return self.stored[payment_id]

    async def list(self, which: PaymentFilter) -> Sequence[Payment]:
        self._answer()
        newest_first = sorted(self.stored.values(), key=lambda payment: payment.id, reverse=True)
        wanted = [
            payment
            for payment in newest_first
            if which.owner in (None, payment.client) and (which.before is None or payment.id < which.before)
        ]
        return wanted[: which.limit]

    async def list_transactions(self, which: TransactionFilter) -> Sequence[Transaction]:
        self._answer()
        newest_first = sorted(self.transactions.values(), key=lambda transaction: transaction.id, reverse=True)
        return [transaction for transaction in newest_first if _is_wanted(transaction, which)][: which.limit]

    async def forget(self, client: str, now: datetime) -> int:
        self._answer()
        bare = [redacted(payment, now) for payment in self.stored.values() if payment.client == client]
        changed = [payment for payment in bare if payment != self.stored[payment.id]]
        self.stored |= {payment.id: payment for payment in changed}
        return len(changed)

    async def due(self, now: datetime, limit: int) -> Sequence[Payment]:
        self._answer()
        waiting = [(payment.sweep_at, payment) for payment in self.stored.values() if payment.sweep_at is not None]
        return [payment for at, payment in sorted(waiting, key=lambda pair: pair[0]) if at <= now][:limit]

    async def unsettled(self, after: UUID | None, limit: int) -> Sequence[Payment]:
        self._answer()
        under_way = {Status.PROCESSING, Status.REQUIRES_ACTION}
        found = [each for each in self.stored.values() if each.status in under_way or each.refunding > 0]
        return [each for each in sorted(found, key=lambda each: each.id) if after is None or each.id > after][:limit]

    def _owned(self, payment_id: UUID, owner: str | None) -> Payment | None:
        payment = self.stored.get(payment_id)
        return payment if payment is not None and owner in (None, payment.client) else None

    def _store(self, payment: Payment) -> None:
        names = payment.references
        if any(self._known_as.get(name, payment.id) != payment.id for name in names):
            raise Contradiction("another payment goes by the same id at the processor")
        self._known_as |= dict.fromkeys(names, payment.id)
        self.stored[payment.id] = payment


def a_payment(**fields: Any) -> Payment:
    """One of 10.00 USD by the client `user:ann`, of which nothing is captured, with whatever the test cares about."""
    usual = {
        "id": new_request_id(),
        "client": "user:ann",
        "total": Money(amount=1000, currency="USD"),
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Payment(**{**usual, **fields})


def a_paid_payment(**fields: Any) -> Payment:
    """All of it captured, and known to the processor by ids of its own."""
    payment = a_payment(**{"status": Status.COMPLETED, "read_at": NOON, **fields})
    names = {"reference": f"pi_{payment.id}", "charge": f"ch_{payment.id}"}
    return payment.model_copy(update={"captured": payment.total.amount, **names, **fields})


def a_refund(amount: int = 300, **fields: Any) -> Refund:
    """One that is still to be made, asked for a minute after noon."""
    usual = {"id": new_request_id(), "amount": amount, "by": "user:ann", "created_at": NOON + timedelta(minutes=1)}
    return Refund(**{**usual, **fields})


def paid_state(payment: Payment, **fields: Any) -> MoneyState:
    """The processor's word that all of it was paid, a second after noon."""
    usual = {
        "reference": f"pi_{payment.id}",
        "standing": Standing.PAID,
        "currency": payment.total.currency,
        "captured": payment.total.amount,
        "read_at": NOON + timedelta(seconds=1),
        "charge": f"ch_{payment.id}",
    }
    return MoneyState(**{**usual, **fields})


_NOBODYS = a_payment(id=UUID(int=0))


def _is_same(earlier: Payment, payment: Payment) -> bool:
    keyed = payment.idempotency_key is not None
    key = (payment.client, payment.idempotency_key)
    return earlier.id == payment.id or (keyed and (earlier.client, earlier.idempotency_key) == key)


def _is_wanted(transaction: Transaction, which: TransactionFilter) -> bool:
    return (
        which.owner in (None, transaction.client)
        and which.payment in (None, transaction.payment)
        and (which.before is None or transaction.id < which.before)
    )
