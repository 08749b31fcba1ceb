"""
What admins do to the catalogue: products are made, changed and deleted, and lose images.

Each act is on record before it is done, so nothing is done unrecorded; a store that fails in between leaves an entry of
what was tried, and the admin, who was told so, tries again.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.accounts.audit import Act
from domain.accounts.doers import Doer
from domain.accounts.ports import AuditLog
from domain.commerce.ports import Products
from domain.commerce.products import Product, image_of, tag_of
from domain.errors import Conflict, KeyReused, NotFound, Outdated

CHANGEABLE = frozenset({"name", "description", "category", "price", "stock"})
TRIES = 20  # of one change: whoever sets the stock of what sells well loses some races against its buyers


@dataclass(frozen=True, slots=True)
class Made:
    product: Product
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Catalogue:
    products: Products
    audit: AuditLog

    async def make(self, product: Product, doer: Doer) -> Made:
        """
        The product, stored; the first one, as it is by now, where its maker's key came before.

        Raises `KeyReused`, and `Conflict` where the first one has been deleted since.
        """
        earlier = None
        if product.made_by is not None and product.idempotency_key is not None:
            earlier = await self.products.find_made(product.made_by, product.idempotency_key)
        if earlier is None:
            await self.audit.write(doer.entry(Act.PRODUCT_MADE, subject_of(product.id)))
            earlier = await self.products.add(product)
        return Made(product) if earlier.id == product.id else _replayed(earlier, product)

    async def change(
        self, product_id: UUID, changes: Mapping[str, Any], doer: Doer, tags: Collection[str] | None = None
    ) -> Product:
        """
        The product with `changes`, which are of `CHANGEABLE`. With `tags`, only where one of them is its own.

        Nothing is written where nothing differs. A sale at the same moment is lost in neither case: without tags the
        change is made again on what is left. Raises `NotFound`, `Outdated`, `Conflict`.
        """
        if not changes.keys() <= CHANGEABLE:
            raise ValueError(f"these are for nobody to change: {changes.keys() - CHANGEABLE}")
        entry = doer.entry(Act.PRODUCT_CHANGED, subject_of(product_id), fields=", ".join(sorted(changes)))
        for tries in range(TRIES):
            before = await self.find(product_id)
            if tags is not None and tag_of(before) not in tags:
                raise Outdated("this product has changed since you read it; read it again")
            after = _altered(before, doer, changes)
            if after == before:
                return before
            if tries == 0:
                await self.audit.write(entry)
            if await self.products.change(before, after):
                return after
        raise Conflict("others buy or change this product at the same moment; try again")

    async def delete(self, product_id: UUID, doer: Doer) -> None:
        """Nobody finds it or buys it from then on. Done twice it changes nothing more. Raises `NotFound`."""
        if await self.products.find(product_id) is not None:
            await self.audit.write(doer.entry(Act.PRODUCT_DELETED, subject_of(product_id)))
        if not await self.products.delete(product_id, doer.at):
            raise no_such_product()

    async def remove_image(self, product_id: UUID, image_id: UUID, doer: Doer) -> None:
        """
        The product has it no longer. Its pictures stay in the file store: another image may have the same ones.

        Raises `NotFound`, also for one that was removed before.
        """
        if image_of(await self.find(product_id), image_id) is None:
            raise no_such_image()
        await self.audit.write(doer.entry(Act.IMAGE_REMOVED, subject_of(product_id), image=str(image_id)))
        if not await self.products.remove_image(product_id, image_id, doer.at):
            raise no_such_image()

    async def find(self, product_id: UUID) -> Product:
        """Raises `NotFound`."""
        product = await self.products.find(product_id)
        if product is None:
            raise no_such_product()
        return product


def subject_of(product_id: UUID) -> str:
    """What the record of acts calls it."""
    return f"product:{product_id}"


def no_such_product() -> NotFound:
    return NotFound("Product not found")


def no_such_image() -> NotFound:
    return NotFound("the product has no such image")


def _altered(product: Product, doer: Doer, changes: Mapping[str, Any]) -> Product:
    """The product's next version; the same one where nothing differs."""
    if all(getattr(product, name) == value for name, value in changes.items()):
        return product
    return product.model_copy(update={**changes, "version": product.version + 1, "updated_at": doer.at})


def _replayed(earlier: Product, product: Product) -> Made:
    if earlier.fingerprint != product.fingerprint:
        raise KeyReused(
            "this Idempotency-Key came before with another body; take a new key for a new product, "
            "or send the first body again"
        )
    if earlier.deleted_at is not None:
        raise Conflict("the product of this Idempotency-Key has been deleted; take a new key for a new product")
    return Made(earlier, replayed=True)
