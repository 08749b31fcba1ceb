"""Many documents in one insert, where each may be refused alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError

DUPLICATE_KEY = 11_000


async def insert_each(
    collection: AsyncCollection[dict[str, Any]], documents: Sequence[dict[str, Any] | RawBSONDocument]
) -> Mapping[int, int]:
    """
    Insert what can be; answers MongoDB's code for each that was refused, by its place.

    Raises `PyMongoError` where nobody can say what is stored durably.
    """
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as fault:
        if fault.details.get("writeConcernErrors"):
            raise
        return {error["index"]: error["code"] for error in fault.details["writeErrors"]}
    return {}
