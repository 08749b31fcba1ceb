"""What the routes and workers of payments need of the outside. The real ones are in `domain.infra.payments`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.payments.payments import Payment, Refund, Transaction


@dataclass(frozen=True, slots=True)
class PaymentFilter:
    """The newest first, at most `limit`, older than `before`; `owner` None: everybody's."""

    owner: str | None
    limit: int = 20
    before: UUID | None = None


@dataclass(frozen=True, slots=True)
class TransactionFilter:
    """The newest first, at most `limit`, older than `before`; `owner` None: everybody's."""

    owner: str | None
    limit: int = 20
    before: UUID | None = None
    payment: UUID | None = None


class PaymentStore(Protocol):
    """
    All methods raise `Unavailable`.

    No two payments go by the same id at the processor: `add` and `change` raise `Contradiction` for the second.
    """

    async def add(self, payment: Payment) -> Payment:
        """
        The payment as stored; an earlier one of this id, or of this client and key, where there is one.

        The caller compares fingerprints. Done twice it is there once.
        """
        ...

    async def find(self, payment_id: UUID, owner: str | None) -> Payment | None: ...

    async def find_by_reference(self, reference: str) -> Payment | None:
        """By any of the processor's ids that it ever had: a session's, an intent's, a charge's, a refund's."""
        ...

    async def change(self, before: Payment, after: Payment, transactions: Sequence[Transaction] = ()) -> bool:
        """
        Write `after`, of the next epoch, where the payment is still at `before`'s; False where somebody else was first.

        The transactions are written with it, or neither is; they add up to what it holds more than before, or a
        `Contradiction` is raised.
        """
        ...

    async def reserve(self, payment_id: UUID, owner: str | None, refund: Refund) -> Payment | None:
        """
        Push the refund, and what it reserves, into the payment by one atomic update that also makes it owe the refund's
        job (`owed: refund:<id>`): only where `refunded + refunding + amount <= captured`, and where no refund of this
        id, or of this client's key, is there yet. Answers the payment as it is then, or None where nothing was written
        (`domain.payments.refunding.reserved`).
        """
        ...

    async def pin(self, payment_id: UUID, account: str, job: UUID) -> Payment | None:
        """
        Record by one atomic update that the payment's try goes to this account at the processor, where none is
        recorded yet, nothing is paid, and the try that counts is this job's (`domain.payments.processing.pinned`).
        Answers the payment as it is then; None: there is none.
        """
        ...

    async def list(self, which: PaymentFilter) -> Sequence[Payment]: ...

    async def list_transactions(self, which: TransactionFilter) -> Sequence[Transaction]: ...

    async def forget(self, client: str, now: datetime) -> int:
        """
        Their owner leaves: remove the idempotency keys, and what the owner wrote (`domain.payments.redacting`).

        What was paid stays, for the books. Answers how many payments this call changed; done twice it changes nothing
        more.
        """
        ...

    async def due(self, now: datetime, limit: int) -> Sequence[Payment]:
        """Whose `sweep_at` has come, the longest overdue first; one that cannot be read is left out, and logged."""
        ...

    async def unsettled(self, after: UUID | None, limit: int) -> Sequence[Payment]:
        """Those under way, and those of which a refund is: the oldest first, of the ids behind `after`."""
        ...
