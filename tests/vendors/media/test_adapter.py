"""The vendor of images: pictures are made, kept and put on the product once, however often its worker dies."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from domain.commerce.images import digest_of, image_job, original_name, picture_name
from domain.commerce.products import MOST_IMAGES, Product
from domain.errors import ConfigurationError, NotNow
from domain.outcomes import Done, Failed, Retry
from domain.vendors import Call, Vendor
from tests.fakes_commerce import FakeFileStore, FakeProducts, a_product, an_image
from tests.strategies import NOON
from vendors.media.adapter import Media
from vendors.media.compress import Picture, Pictures, Refused
from vendors.media.pool import Busy, ChildLost
from vendors.media.settings import MediaSettings
from vendors.registry import load_vendor_names

SOURCE = b"\x89PNG\r\n\x1a\n and so on"
LARGE, SMALL = Picture(b"a large picture", 1600, 800), Picture(b"a small one", 400, 200)


class FakeCompressor:
    """A `Compressor` that answers, or raises, what the test says; remembers what it was given."""

    def __init__(self) -> None:
        self.answer: Pictures | Refused | Exception = Pictures(LARGE, SMALL)
        self.given: list[bytes] = []
        self.meanwhile: Callable[[], None] = lambda: None

    async def compress(self, source: bytes) -> Pictures | Refused:
        self.given.append(source)
        self.meanwhile()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class World:
    """One product with an upload that waits, and the vendor that sees to it."""

    def __init__(self) -> None:
        self.product = a_product()
        self.products, self.files, self.compressor = FakeProducts(self.product), FakeFileStore(), FakeCompressor()
        digest = digest_of(self.product.id, SOURCE)
        self.original = original_name(digest)
        self.files.stored[self.original] = SOURCE
        job = image_job(self.product.id, digest, NOON)
        self.call = Call(job.id, job.payload, timedelta(minutes=3))
        self.vendor = Media(self.products, self.files, self.compressor, MediaSettings(at_once=2), clock=lambda: NOON)

    @property
    def stored(self) -> Product:
        return self.products.stored[self.product.id]


@pytest.fixture
def world() -> World:
    return World()


async def test_the_pictures_land_on_the_product_and_the_upload_goes(world: World) -> None:
    outcome = await world.vendor.call(world.call)
    assert isinstance(outcome, Done)
    large, small = (f"/media/{picture_name(picture.content)}" for picture in (LARGE, SMALL))
    assert json.loads(outcome.result) == {
        "product_id": str(world.product.id), "large": large, "small": small, "width": 1600, "height": 800,
        "large_bytes": len(LARGE.content), "small_bytes": len(SMALL.content),
    }  # fmt: skip
    [image] = world.stored.images
    assert (image.id, image.large, image.small, image.width, image.height) == (
        world.call.request_id, large, small, 1600, 800,
    )  # fmt: skip
    assert world.files.stored == {picture_name(one.content): one.content for one in (LARGE, SMALL)}
    assert world.compressor.given == [SOURCE]


def test_images_that_kill_whatever_reads_them_hold_no_others(world: World) -> None:
    assert not world.vendor.policy.breaker


async def test_a_call_that_is_repeated_after_everything_was_done_ends_the_same(world: World) -> None:
    """Its worker died before it could say so; by then the upload was gone."""
    first = await world.vendor.call(world.call)
    assert await world.vendor.call(world.call) == first
    assert len(world.stored.images) == 1
    assert len(world.compressor.given) == 1


@pytest.mark.parametrize("step", ["put", "add_image", "remove"])
async def test_a_call_may_be_cut_at_any_step_and_repeated(
    world: World, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object) -> None:
        raise ConnectionResetError(step)  # nothing that an adapter foresees

    with monkeypatch.context() as cutting:
        cutting.setattr(world.products if step == "add_image" else world.files, step, cut)
        with pytest.raises(ConnectionResetError):
            await world.vendor.call(world.call)
    assert isinstance(await world.vendor.call(world.call), Done)
    assert len(world.stored.images) == 1
    assert world.original not in world.files.stored


async def test_a_product_that_is_gone_has_no_image_made(world: World) -> None:
    await world.products.delete(world.product.id, NOON)
    outcome = await world.vendor.call(world.call)
    assert isinstance(outcome, Failed)
    assert outcome.code == "product_gone"
    assert world.compressor.given == []


async def test_a_product_that_goes_meanwhile_takes_no_image(world: World) -> None:
    world.compressor.meanwhile = world.products.stored.clear
    outcome = await world.vendor.call(world.call)
    assert isinstance(outcome, Failed)
    assert outcome.code == "product_gone"


async def test_a_product_that_is_full_meanwhile_takes_no_image(world: World) -> None:
    full = world.product.model_copy(update={"images": [an_image() for _ in range(MOST_IMAGES)]})
    world.compressor.meanwhile = lambda: world.products.stored.update({full.id: full})
    outcome = await world.vendor.call(world.call)
    assert isinstance(outcome, Failed)
    assert outcome.code == "too_many_images"
    assert len(world.stored.images) == MOST_IMAGES


async def test_what_is_refused_fails_with_its_own_code_and_the_upload_stays_for_a_while(world: World) -> None:
    world.compressor.answer = Refused("image_truncated", "it ends early")
    assert await world.vendor.call(world.call) == Failed("image_truncated", "it ends early")
    assert list(world.files.stored) == [world.original]
    assert world.stored.images == []


async def test_an_upload_that_is_no_longer_kept_is_asked_for_again(world: World) -> None:
    world.files.stored.clear()
    outcome = await world.vendor.call(world.call)
    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.reason) == ("upload_gone", "the uploaded file is no longer kept; upload it again")


async def test_an_image_that_kills_its_process_is_tried_again_a_few_times(world: World) -> None:
    world.compressor.answer = ChildLost("the process died")
    outcome = await world.vendor.call(world.call)
    assert isinstance(outcome, Retry)
    assert (outcome.code, outcome.closes_vendor) == ("image_unreadable", False)
    assert outcome.reason.endswith("was lost (the process died); save the image anew and upload that")
    assert world.vendor.policy.attempts == 4
    assert world.original in world.files.stored


@pytest.mark.parametrize("away", ["files", "products", "processes"])
async def test_what_is_away_costs_no_try(world: World, away: str) -> None:
    world.files.down, world.products.down = away == "files", away == "products"
    if away == "processes":
        world.compressor.answer = Busy("none is free")
    with pytest.raises(NotNow) as held:
        await world.vendor.call(world.call)
    assert held.value.until == NOON + timedelta(seconds=5)
    assert away != "processes" or str(held.value) == "none is free"


@pytest.mark.parametrize(
    "payload", ["{}", "[]", '{"kind": "other", "product_id": "x", "source": ""}', "null", '{"more": 1}']
)
async def test_a_payload_of_nobodys_making_fails(world: World, payload: str) -> None:
    outcome = await world.vendor.call(Call(UUID(int=7), payload, timedelta(seconds=1)))
    assert isinstance(outcome, Failed)
    assert outcome.code == "bad_payload"


def test_it_is_a_vendor_that_may_be_asked_again_and_is_bounded(world: World) -> None:
    vendor: Vendor = world.vendor
    assert vendor.name == "media"
    assert vendor.policy.repeatable
    assert vendor.policy.concurrency == 2
    assert vendor.policy.timeout < timedelta(minutes=5)


def test_no_table_may_take_its_name(tmp_path: Path) -> None:
    table = tmp_path / "vendors.toml"
    table.write_text('[vendors.media]\nurl = "https://acme.example/"\n')
    with pytest.raises(ConfigurationError, match="`media` is the name of a vendor in code"):
        load_vendor_names([table], {})
