"""What the stores of accounts share: their collections, values as BSON takes them, and MongoDB's troubles as ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from pymongo import ReadPreference, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from domain.errors import Unavailable
from domain.infra.mongo import Database

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Row = dict[str, Any]
Rows = AsyncCollection[Row]

MOST_LISTED = 1_000  # of one user's sessions, or of all keys: more is nobody's use, and a list without end
STILL_THERE: Row = {"$exists": False}  # of when something ended


def collection(database: Database, name: str) -> Rows:
    """What decides about access is read from the primary and written to a majority, whatever the database's default."""
    return database.get_collection(
        name, read_preference=ReadPreference.PRIMARY, write_concern=WriteConcern(w="majority")
    )


def row_of(thing: "DataclassInstance") -> Row:
    """Nones are left out: a partially indexed field must not hold a null."""
    values = {field.name: getattr(thing, field.name) for field in fields(thing)}
    return {"_id": values.pop("id"), **{name: value for name, value in values.items() if value is not None}}


def values_of(row: Row, kind: "type[DataclassInstance]") -> Row:
    """What `kind` is made from; what else the row holds is not its business."""
    known = {field.name for field in fields(kind)}
    return {"id": row["_id"], **{name: value for name, value in row.items() if name in known}}


@contextmanager
def store_faults() -> Iterator[None]:
    """
    As `mongo_trouble`, which keeps the fault as the cause.

    Here it is not kept: PyMongo's text quotes what was written, which may be somebody's address or password's hash.
    """
    try:
        yield
    except PyMongoError as fault:
        raise Unavailable(f"the store does not answer just now ({type(fault).__name__}); try again") from None
