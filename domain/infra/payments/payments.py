"""
Payments in MongoDB: each is written where nobody was first, and with what moved in the same transaction.

A refund is not: its one update asks and reserves at once, so that any number of them at the same instant is let in by
MongoDB one after the other, and no further than the money goes. What strangers say is compared by `$eq`, so that it is
never read as an operator.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from uuid import UUID

import structlog
from bson.int64 import Int64
from pydantic import ValidationError
from pymongo import ReturnDocument
from pymongo.asynchronous.client_session import AsyncClientSession as Session
from pymongo.errors import DuplicateKeyError

from domain.infra.accounts.rows import Row, collection, store_faults
from domain.infra.commerce.transactions import Transactions
from domain.infra.mongo import Database
from domain.infra.payment_documents import PAYMENTS, TRANSACTIONS
from domain.infra.payments.redactions import holding, redacted
from domain.infra.payments.rows import (
    payment_of,
    row_of_payment,
    row_of_refund,
    row_of_transaction,
    transaction_of,
    update_to,
)
from domain.payments.payments import MOST_REFUNDS, Payment, Refund, Status, Transaction
from domain.payments.ports import PaymentFilter, TransactionFilter
from domain.payments.refunding import SOONEST, check_reservable, owed_for
from domain.payments.settling import Contradiction, check_change

log = structlog.get_logger()

_UNDER_WAY = [Status.PROCESSING.value, Status.REQUIRES_ACTION.value]


class MongoPaymentStore:
    """A `PaymentStore`."""

    def __init__(self, database: Database, *, patience_seconds: float = 8.0) -> None:
        self._payments = collection(database, PAYMENTS)
        self._moved = collection(database, TRANSACTIONS)
        self._transactions = Transactions(database.client, patience_seconds)

    async def add(self, payment: Payment) -> Payment:
        with store_faults():
            try:
                await self._payments.insert_one(row_of_payment(payment))
            except DuplicateKeyError:
                row = await self._payments.find_one(_same_as(payment))
            else:
                return payment
        if row is None:
            raise Contradiction("another payment goes by the same id at the processor")
        return payment_of(row)

    async def find(self, payment_id: UUID, owner: str | None) -> Payment | None:
        with store_faults():
            row = await self._payments.find_one({"_id": payment_id, **_theirs(owner)})
        return None if row is None else payment_of(row)

    async def find_by_reference(self, reference: str) -> Payment | None:
        with store_faults():
            row = await self._payments.find_one({"references": {"$eq": reference}})
        return None if row is None else payment_of(row)

    async def change(self, before: Payment, after: Payment, transactions: Sequence[Transaction] = ()) -> bool:
        check_change(before, after, transactions)
        if not transactions:
            with store_faults(), _nobody_elses():
                return await self._write(before, after)
        rows = [row_of_transaction(transaction) for transaction in transactions]
        return await self._transactions.run([before.id], lambda session: self._settle(before, after, rows, session))

    async def reserve(self, payment_id: UUID, owner: str | None, refund: Refund) -> Payment | None:
        check_reservable(refund)
        where = {"_id": payment_id, **_theirs(owner), **_with_room_for(refund), **_without(refund)}
        with store_faults():
            row: Row | None = await self._payments.find_one_and_update(
                where, _reserving(refund), return_document=ReturnDocument.AFTER
            )
        return None if row is None else payment_of(row)

    async def pin(self, payment_id: UUID, account: str, job: UUID) -> Payment | None:
        with store_faults():
            row: Row | None = await self._payments.find_one_and_update(
                {"_id": payment_id}, _pinning(account, job), return_document=ReturnDocument.AFTER
            )
        return None if row is None else payment_of(row)

    async def list(self, which: PaymentFilter) -> Sequence[Payment]:
        wanted = {**_theirs(which.owner), **_older_than(which.before)}
        with store_faults():
            rows = await self._payments.find(wanted).sort("_id", -1).limit(which.limit).to_list(None)
        return [payment_of(row) for row in rows]

    async def list_transactions(self, which: TransactionFilter) -> Sequence[Transaction]:
        wanted = {**_theirs(which.owner), **_older_than(which.before)}
        if which.payment is not None:
            wanted["payment"] = which.payment
        with store_faults():
            rows = await self._moved.find(wanted).sort("_id", -1).limit(which.limit).to_list(None)
        return [transaction_of(row) for row in rows]

    async def forget(self, client: str, now: datetime) -> int:
        """Of so many payments that it takes too long, those it got to are done, and the next call goes on."""
        with store_faults():
            result = await self._payments.update_many(holding(client), redacted(now))
        return result.modified_count

    async def due(self, now: datetime, limit: int) -> Sequence[Payment]:
        overdue = {"sweep_at": {"$lte": now}}
        with store_faults():
            rows = await self._payments.find(overdue).sort("sweep_at", 1).limit(limit).to_list(None)
        return [payment for payment in map(_readable, rows) if payment is not None]

    async def unsettled(self, after: UUID | None, limit: int) -> Sequence[Payment]:
        behind: Row = {} if after is None else {"_id": {"$gt": after}}
        found: dict[UUID, Row] = {}
        with store_faults():
            for which in ({"status": {"$in": _UNDER_WAY}}, {"refunding": {"$gt": 0}}):
                rows = await self._payments.find({**which, **behind}).sort("_id", 1).limit(limit).to_list(None)
                found |= {row["_id"]: row for row in rows}
        rows = [found[payment] for payment in sorted(found)[:limit]]
        return [payment for payment in map(_readable, rows) if payment is not None]

    async def _settle(self, before: Payment, after: Payment, rows: Sequence[Row], session: Session) -> bool:
        with _nobody_elses():
            if not await self._write(before, after, session):
                return False
            for row in rows:
                await self._moved.insert_one(row, session=session)
        return True

    async def _write(self, before: Payment, after: Payment, session: Session | None = None) -> bool:
        as_read = {"_id": before.id, "epoch": before.epoch}
        result = await self._payments.update_one(as_read, update_to(after), session=session)
        return result.matched_count == 1


def _readable(row: Row) -> Payment | None:
    """None for one that this program has no words for: what the others owe must not wait for it."""
    with suppress(ValidationError):  # whose text quotes the payment
        return payment_of(row)
    log.error("a payment cannot be read, and nobody looks after it", payment_id=str(row["_id"]))
    return None


def _theirs(owner: str | None) -> Row:
    return {} if owner is None else {"client": {"$eq": owner}}


def _older_than(before: UUID | None) -> Row:
    return {} if before is None else {"_id": {"$lt": before}}


def _same_as(payment: Payment) -> Row:
    """The payment itself too: one that was stored, and whose answer was lost."""
    if payment.idempotency_key is None:
        return {"_id": payment.id}
    key = {"client": {"$eq": payment.client}, "idempotency_key": {"$eq": payment.idempotency_key}}
    return {"$or": [{"_id": payment.id}, key]}


def _with_room_for(refund: Refund) -> Row:
    wanted = {"$add": ["$refunded", "$refunding", Int64(refund.amount)]}
    return {"$expr": {"$lte": [wanted, "$captured"]}, f"refunds.{MOST_REFUNDS - 1}": {"$exists": False}}


def _without(refund: Refund) -> Row:
    without: Row = {"refunds.id": {"$ne": refund.id}}
    if refund.idempotency_key is not None:
        same = {"by": {"$eq": refund.by}, "idempotency_key": {"$eq": refund.idempotency_key}}
        without["refunds"] = {"$not": {"$elemMatch": same}}
    return without


def _reserving(refund: Refund) -> Row:
    """As `domain.payments.refunding.reserved` has it."""
    return {
        "$push": {"refunds": row_of_refund(refund)},
        "$inc": {"refunding": Int64(refund.amount), "epoch": Int64(1)},
        "$addToSet": {"owed": owed_for(refund)},
        "$set": {"updated_at": refund.created_at},
        "$min": {"sweep_at": refund.created_at + SOONEST},
    }


def _pinning(account: str, job: UUID) -> list[Row]:
    """As `domain.payments.processing.pinned` has it: who read the payment before writes nothing of it back."""
    counts = {"$eq": [{"$ifNull": ["$job", job]}, job]}
    is_new = {"$and": [{"$not": [{"$ifNull": ["$account", None]}]}, counts, {"$eq": ["$captured", 0]}]}
    pinned = {"$cond": [is_new, {"$literal": account}, {"$ifNull": ["$account", "$$REMOVE"]}]}
    moved_from = {"$cond": [is_new, "$$REMOVE", "$moved_from"]}  # of an account that it went through before
    epoch = {"$add": ["$epoch", {"$cond": [is_new, Int64(1), Int64(0)]}]}
    return [{"$set": {"account": pinned, "moved_from": moved_from, "epoch": epoch}}]


@contextmanager
def _nobody_elses() -> Iterator[None]:
    """What the processor calls this payment by is no other's, and a movement is in the books once."""
    try:
        yield
    except DuplicateKeyError:
        raise Contradiction("another payment, or transaction, goes by the same id at the processor") from None
