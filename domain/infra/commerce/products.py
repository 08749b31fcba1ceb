"""
Products in MongoDB: each written whole once, and from then on field by field where nobody else was first.

What strangers search for is handed to MongoDB as words and by `$eq`, so that it is never read as an operator.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Any
from uuid import UUID

import pymongo
from pymongo.errors import DuplicateKeyError

from domain.commerce.ports import ProductFilter
from domain.commerce.products import MOST_IMAGES, Image, Product
from domain.commerce.words import words_of
from domain.errors import Unavailable
from domain.infra.accounts.rows import STILL_THERE, Row, collection, store_faults
from domain.infra.commerce_documents import PRODUCTS
from domain.infra.mongo import Database

# Of words that are common, but never together, all products of one are read. Anybody may ask, and jobs need the store.
SEARCH_SECONDS = 2.0

CHANGEABLE = tuple(name for name in Product.model_fields if name not in {"id", "created_at"})


class MongoProducts:
    """A `Products`."""

    def __init__(self, database: Database, *, search_seconds: float = SEARCH_SECONDS) -> None:
        self._products = collection(database, PRODUCTS)
        self._search_seconds = search_seconds

    async def add(self, product: Product) -> Product:
        with store_faults():
            try:
                await self._products.insert_one(_row(product))
            except DuplicateKeyError:
                earlier = await self._earlier(product)
            else:
                return product
        if earlier is None:  # a clash with what is not there: only a reader's lag could be the cause
            raise Unavailable("the earlier product of this key cannot be read just now; try again")
        return _product(earlier)

    async def find_made(self, made_by: str, idempotency_key: str) -> Product | None:
        with store_faults():
            row = await self._products.find_one(_made(made_by, idempotency_key))
        return None if row is None else _product(row)

    async def find(self, product_id: UUID) -> Product | None:
        with store_faults():
            row = await self._products.find_one(_listed(product_id))
        return None if row is None else _product(row)

    async def find_many(self, ids: Sequence[UUID]) -> Mapping[UUID, Product]:
        with store_faults():
            rows = await self._products.find(_listed({"$in": list(ids)})).to_list(None)
        return {row["_id"]: _product(row) for row in rows}

    async def list(self, which: ProductFilter) -> Sequence[Product]:
        patience = nullcontext() if which.words is None else pymongo.timeout(self._search_seconds)
        with store_faults(), patience:
            rows = await self._products.find(_conditions(which)).sort("_id", -1).limit(which.limit).to_list(None)
        return [_product(row) for row in rows]

    async def change(self, before: Product, after: Product) -> bool:
        if (after.id, after.version) != (before.id, before.version + 1):
            raise ValueError("a change is of one product, and to the next version")
        where: Row = {"_id": before.id, "version": before.version}
        if after.stock != before.stock:
            where["stock"] = before.stock
        with store_faults():
            result = await self._products.update_one(where, _update(before, after))
        return result.matched_count == 1

    async def delete(self, product_id: UUID, now: datetime) -> bool:
        with store_faults():
            result = await self._products.update_one(_listed(product_id), _altered(now, {"deleted_at": now}))
            if result.matched_count == 1:
                return True
            return await self._products.find_one({"_id": product_id}, {"_id": 1}) is not None

    async def add_image(self, product_id: UUID, image: Image, now: datetime) -> bool:
        has_it = {**_listed(product_id), "images.id": image.id}
        has_room = {"images.id": {"$ne": image.id}, f"images.{MOST_IMAGES - 1}": {"$exists": False}}
        update = {**_altered(now), "$push": {"images": image.model_dump()}}
        with store_faults():
            result = await self._products.update_one({**_listed(product_id), **has_room}, update)
            if result.matched_count == 1:
                return True
            return await self._products.find_one(has_it, {"_id": 1}) is not None

    async def remove_image(self, product_id: UUID, image_id: UUID, now: datetime) -> bool:
        has_it = {**_listed(product_id), "images.id": image_id}
        with store_faults():
            result = await self._products.update_one(has_it, {**_altered(now), "$pull": {"images": {"id": image_id}}})
        return result.matched_count == 1

    async def _earlier(self, product: Product) -> Row | None:
        """What was in the way: the product itself, of a try whose answer was lost, or another of the same key."""
        found = await self._products.find_one({"_id": product.id})
        if found is not None or product.made_by is None or product.idempotency_key is None:
            return found
        return await self._products.find_one(_made(product.made_by, product.idempotency_key))


def _listed(product_id: object) -> Row:
    return {"_id": product_id, "deleted_at": STILL_THERE}


def _made(made_by: str, idempotency_key: str) -> Row:
    return {"made_by": {"$eq": made_by}, "idempotency_key": {"$eq": idempotency_key}}


def _conditions(which: ProductFilter) -> Row:
    wanted: Row = {"deleted_at": STILL_THERE}
    if which.before is not None:
        wanted["_id"] = {"$lt": which.before}
    if which.category is not None:
        wanted["category"] = {"$eq": which.category}
    if which.words is not None:
        wanted["words"] = {"$all": sorted(words_of(which.words))}
    return wanted


def _row(product: Product) -> Row:
    return {"_id": product.id, **product.model_dump(exclude={"id"}, exclude_none=True), "words": _words(product)}


def _words(product: Product) -> list[str]:
    return sorted(words_of(product.name, product.description, product.category or ""))


def _product(row: Row) -> Product:
    return Product.model_validate({**row, "id": row["_id"]})


def _altered(now: datetime, fields: Mapping[str, Any] | None = None) -> Row:
    return {"$set": {"updated_at": now, **(fields or {})}, "$inc": {"version": 1}}


def _update(before: Product, after: Product) -> Row:
    """Of what differs alone: stock that orders take meanwhile stays taken, and so does what newer versions wrote."""
    changed = {name for name in CHANGEABLE if getattr(before, name) != getattr(after, name)}
    gone = {name: "" for name in changed if getattr(after, name) is None}
    update: Row = {"$set": {**after.model_dump(include=changed, exclude_none=True), "words": _words(after)}}
    return {**update, "$unset": gone} if gone else update
