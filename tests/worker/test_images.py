"""Images on real stores and in real processes: from an upload to its product, through a child that is killed."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.accounts.doers import Doer
from domain.backoff import Backoff
from domain.commerce.images import name_in_path
from domain.commerce.products import Product
from domain.commerce.uploading import Uploads
from domain.infra.commerce.products import MongoProducts
from domain.infra.file_store import FolderFiles
from domain.infra.follow_ups import open_follow_ups
from domain.infra.job_control import open_job_control
from domain.jobs import Job, Status
from domain.retention import Retention
from domain.submitted_fields import to_milliseconds
from tests.fakes_accounts import FakeAuditLog
from tests.fakes_commerce import a_product
from tests.pictures import an_image, noise
from tests.stores import Stores
from tests.vendors.media.child_work import tell_pid
from vendors.media.adapter import InChildren, Media
from vendors.media.compress import Pictures, Refused
from vendors.media.pool import Children, open_children
from vendors.media.settings import MediaSettings

SETTINGS = MediaSettings()


class Killed(InChildren):
    """Its child is killed the first so many times, as by an image that does it."""

    def __init__(self, children: Children, times: int) -> None:
        super().__init__(children, SETTINGS)
        self._pool = children
        self.left = times

    async def compress(self, source: bytes) -> Pictures | Refused:
        if self.left:
            self.left -= 1
            os.kill(await self._pool.run(tell_pid), signal.SIGKILL)
        return await super().compress(source)


@pytest.fixture
def files(tmp_path: Path) -> FolderFiles:
    return FolderFiles(tmp_path / "media")


@pytest.fixture
def products(stores: Stores) -> MongoProducts:
    return MongoProducts(stores.database)


@pytest.fixture
async def product(products: MongoProducts) -> Product:
    return await products.add(a_product())


@pytest.fixture
async def uploads(stores: Stores, files: FolderFiles, products: MongoProducts) -> AsyncIterator[Uploads]:
    async with (
        open_follow_ups(stores.database, stores.queue, "http://gateway.test") as follow_ups,
        open_job_control(stores.database, stores.redis, stores.queue, follow_ups, retention=Retention()) as control,
    ):
        yield Uploads(products, files, stores.intake, control, FakeAuditLog())


@asynccontextmanager
async def working(stores: Stores, products: MongoProducts, files: FolderFiles, killed: int = 0) -> AsyncIterator[None]:
    async with open_children(SETTINGS) as children:
        compressor = Killed(children, killed) if killed else InChildren(children, SETTINGS)
        vendor = Media(products, files, compressor, SETTINGS)
        vendor.policy = replace(vendor.policy, backoff=Backoff(base_seconds=0.01, cap_seconds=0.01))
        async with stores.worker(vendor):
            yield


async def upload(uploads: Uploads, product: Product, content: bytes) -> Job:
    doer = Doer("admin", to_milliseconds(datetime.now(UTC)))
    return (await uploads.take_in(product.id, content, doer)).job


async def test_an_upload_becomes_the_pictures_of_its_product(
    stores: Stores, products: MongoProducts, files: FolderFiles, product: Product, uploads: Uploads
) -> None:
    job = await upload(uploads, product, noise(500, 300, "JPEG"))
    async with working(stores, products, files):
        done = await stores.ended(job)
    assert done.status is Status.COMPLETE, done.error
    found = await products.find(product.id)
    assert found is not None
    [image] = found.images
    assert (image.id, image.width, image.height) == (job.id, 500, 300)
    for path in (image.large, image.small):
        stored = await files.find(name_in_path(path))
        assert stored is not None
        assert b"".join([piece async for piece in stored.pieces])[8:12] == b"WEBP"
    assert await files.remove_older(".original", datetime.max.replace(tzinfo=UTC)) == 0  # it went with success


async def test_an_image_whose_process_is_killed_is_tried_again(
    stores: Stores, products: MongoProducts, files: FolderFiles, product: Product, uploads: Uploads
) -> None:
    job = await upload(uploads, product, an_image())
    async with working(stores, products, files, killed=1):
        done = await stores.ended(job)
    assert done.status is Status.COMPLETE, done.error
    assert [attempt.outcome for attempt in done.attempts] == ["retry", "done"]


async def test_an_image_that_always_kills_its_process_is_unreadable_in_the_end(
    stores: Stores, products: MongoProducts, files: FolderFiles, product: Product, uploads: Uploads
) -> None:
    job = await upload(uploads, product, an_image())
    async with working(stores, products, files, killed=99):
        done = await stores.ended(job)
    assert done.error is not None
    assert (done.error.code, done.error.attempts, done.error.retryable) == ("image_unreadable", 4, True)


async def test_what_failed_runs_once_more_when_it_is_uploaded_again(
    stores: Stores, products: MongoProducts, files: FolderFiles, product: Product, uploads: Uploads
) -> None:
    cut = noise(200, 200, "JPEG")[:-2000]
    job = await upload(uploads, product, cut)
    async with working(stores, products, files):
        failed = await stores.ended(job)
        assert failed.error is not None
        assert failed.error.code == "image_truncated"
        again = await upload(uploads, product, cut)
        assert (again.id, again.generation) == (job.id, 2)
        await stores.ended(again)
    found = await products.find(product.id)
    assert found is not None
    assert found.images == []
