"""Through which accounts at the processor payments go that are under way, for the operator who sets its keys."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from bson.int64 import Int64

from domain.infra.accounts.rows import Row, Rows, collection, store_faults
from domain.infra.mongo import Database
from domain.infra.payment_documents import PAYMENTS
from domain.payments.payments import Status

_UNDER_WAY: Row = {"status": {"$in": [Status.PROCESSING.value, Status.REQUIRES_ACTION.value]}}
_GIVEN_BACK: Row = {"refunding": {"$gt": 0}}


@dataclass(frozen=True, slots=True)
class Use:
    """`account` None: nothing was sent yet, or before accounts were on record. `oldest` is a payment's id."""

    account: str | None
    oldest: UUID
    payments: int = 0  # under way
    refunding: int = 0  # of which a refund is


async def accounts_in_use(database: Database) -> Sequence[Use]:
    """By their names. Raises `Unavailable`."""
    payments, found = collection(database, PAYMENTS), dict[str | None, Use]()
    for account, number, oldest in await _counted(payments, _UNDER_WAY):
        found[account] = Use(account, oldest, payments=number)
    for account, number, oldest in await _counted(payments, _GIVEN_BACK):
        known = found.get(account, Use(account, oldest))
        found[account] = replace(known, refunding=number, oldest=min(known.oldest, oldest))
    return [found[account] for account in sorted(found, key=lambda name: name or "")]


async def move_all(database: Database, before: str, after: str) -> int:
    """
    Payments of the first account are the second's from now on; answers how many. Raises `Unavailable`.

    Each remembers the first (`moved_from`), until it goes through an account anew: see `move_back`.
    """
    change: Row = {"$set": {"account": after, "moved_from": before}, "$inc": {"epoch": Int64(1)}}
    with store_faults():
        result = await collection(database, PAYMENTS).update_many({"account": {"$eq": before}}, change)
    return result.modified_count


async def move_back(database: Database, before: str, after: str) -> int:
    """As it was before `move_all(before, after)`, and none that was the second's all along; answers how many."""
    moved: Row = {"account": {"$eq": after}, "moved_from": {"$eq": before}}
    change: Row = {"$set": {"account": before}, "$unset": {"moved_from": ""}, "$inc": {"epoch": Int64(1)}}
    with store_faults():
        result = await collection(database, PAYMENTS).update_many(moved, change)
    return result.modified_count


async def _counted(payments: Rows, which: Row) -> Sequence[tuple[str | None, int, UUID]]:
    grouped: Row = {"_id": "$account", "number": {"$sum": 1}, "oldest": {"$min": "$_id"}}
    with store_faults():
        rows = await (await payments.aggregate([{"$match": which}, {"$group": grouped}])).to_list(None)
    return [(row["_id"], row["number"], row["oldest"]) for row in rows]
