"""
Uploading an image: kept, then on record, then a job. Whatever fails in between, sending the same bytes again is safe.

The other order would lose images: a job whose bytes are not there yet may run before they are.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from domain.accounts.audit import Act
from domain.accounts.doers import Doer
from domain.accounts.ports import AuditLog
from domain.commerce.catalogue import no_such_product, subject_of
from domain.commerce.images import check_image, digest_of, image_job, original_name
from domain.commerce.ports import FileStore, Products
from domain.commerce.products import MOST_IMAGES, TOO_MANY_IMAGES, image_of
from domain.errors import Conflict, NotFound
from domain.jobs import Job, Status
from domain.ports import Accepted, JobControl, JobIntake


@dataclass(frozen=True, slots=True)
class Uploads:
    products: Products
    files: FileStore
    intake: JobIntake
    control: JobControl
    audit: AuditLog

    async def refuse_early(self, product_id: UUID) -> None:
        """Raises, before anything is read of an upload, `NotFound`, or `Conflict` for a product with images enough."""
        product = await self.products.find(product_id)
        if product is None:
            raise no_such_product()
        if len(product.images) >= MOST_IMAGES:
            raise Conflict(TOO_MANY_IMAGES, code="too-many-images")

    async def take_in(self, product_id: UUID, content: bytes, doer: Doer, traceparent: str | None = None) -> Accepted:
        """
        The job of these bytes and this product; of an earlier upload, if there was one.

        One that failed or was cancelled runs once more; one that cannot, or whose image was taken off the product
        since, is followed by another. Raises as `check_image` does, `NotFound`, `Unavailable`.
        """
        check_image(content)
        digest = await asyncio.to_thread(digest_of, product_id, content)
        await self.files.put(original_name(digest), content)
        await self.audit.write(doer.entry(Act.IMAGE_UPLOADED, subject_of(product_id)))
        accepted = await self.intake.take_in(image_job(product_id, digest, doer.at, traceparent))
        while accepted.replayed and await self._is_spent(accepted.job, product_id):
            after = image_job(product_id, digest, doer.at, traceparent, after=accepted.job.id)
            accepted = await self.intake.take_in(after)
        return await self._again(accepted, original_name(digest)) if accepted.replayed else accepted

    async def _is_spent(self, earlier: Job, product_id: UUID) -> bool:
        """Whether nothing is left of what it did, and it cannot run again: it was deleted, or redacted."""
        if earlier.status is not Status.COMPLETE:
            return earlier.deleted is True or earlier.redacted_at is not None
        product = await self.products.find(product_id)
        if product is None:
            raise no_such_product()
        return image_of(product, earlier.id) is None

    async def _again(self, earlier: Accepted, original: str) -> Accepted:
        if earlier.job.status is Status.COMPLETE:
            await self.files.remove(original)  # nobody will ask for it again
        if earlier.job.status in {Status.FAILED, Status.CANCELLED}:
            with suppress(Conflict, NotFound):  # it runs again already, or was deleted
                return Accepted(await self.control.retry(earlier.job.id, None), replayed=True)
        return earlier
