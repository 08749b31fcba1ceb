"""Payments and transactions as MongoDB keeps them: Nones left out, every number an integer of 64 bits."""

from decimal import Decimal
from typing import Any

from bson.int64 import Int64

from domain.infra.accounts.rows import Row
from domain.payments.payments import Payment, Refund, Transaction


def row_of_payment(payment: Payment) -> Row:
    references = payment.references
    row = {"_id": payment.id, **_stored(payment.model_dump(exclude={"id"}, exclude_none=True))}
    return {**row, "references": references} if references else row


def row_of_transaction(transaction: Transaction) -> Row:
    return {"_id": transaction.id, **_stored(transaction.model_dump(exclude={"id"}, exclude_none=True))}


def row_of_refund(refund: Refund) -> Row:
    row: Row = _stored(refund.model_dump(exclude_none=True))
    return row


def payment_of(row: Row) -> Payment:
    return Payment.model_validate({**row, "id": row["_id"]})


def transaction_of(row: Row) -> Transaction:
    return Transaction.model_validate({**row, "id": row["_id"]})


def update_to(after: Payment) -> Row:
    """
    Field by field: what a newer version of this program wrote besides stays.

    So do the ids at the processor that it had before.
    """
    row = row_of_payment(after)
    gone = {name: "" for name in Payment.model_fields if name != "id" and name not in row}
    references = row.pop("references", [])
    update: Row = {"$set": {name: value for name, value in row.items() if name != "_id"}}
    if gone:
        update["$unset"] = gone
    if references:
        update["$addToSet"] = {"references": {"$each": references}}
    return update


def _stored(value: Any) -> Any:
    """BSON has floats and decimals; what is money, or stands beside it, is neither. Raises `TypeError`."""
    match value:
        case bool():
            return value
        case int():
            return Int64(value)
        case float() | Decimal():
            raise TypeError("an amount is a whole number of minor units")
        case dict():
            return {name: _stored(part) for name, part in value.items()}
        case list():
            return [_stored(part) for part in value]
        case _:
            return value
