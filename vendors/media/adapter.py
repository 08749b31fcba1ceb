"""
Images: an upload becomes two pictures of its product.

Docs: docs/images.md
Quirk: the "vendor" is a process of this machine. It can be killed by what it reads, and asked again at any time: the
same bytes make the same pictures, and the product takes them once.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

import msgspec

from domain.backoff import Backoff
from domain.commerce.images import VENDOR, Compression, name_in_path, original_name, path_of_picture, picture_name
from domain.commerce.ports import FileStore, Products
from domain.commerce.products import TOO_MANY_IMAGES, Image, image_of
from domain.errors import NotNow, Unavailable
from domain.outcomes import Done, Failed, Outcome, Retry
from domain.vendors import Call, VendorPolicy
from vendors.media.child import compress_within
from vendors.media.compress import Picture, Pictures, Refused
from vendors.media.pool import Busy, ChildLost, Children
from vendors.media.settings import MediaSettings

TIMEOUT = timedelta(minutes=3)  # the line, the start of a process, the work, and the stores before and after
TRIES = 4
BACKOFF = Backoff(base_seconds=1, cap_seconds=30)
FOR_EVER = timedelta(days=3650)
AWAY = timedelta(seconds=5)  # until stores and processes are asked again; no try is used up

PRODUCT_GONE = Failed("product_gone", "the product was deleted before its image was made")
TOO_MANY = Failed("too_many_images", TOO_MANY_IMAGES)
UPLOAD_GONE = Failed("upload_gone", "the uploaded file is no longer kept; upload it again")
NO_COMPRESSION = Failed("bad_payload", "the payload names no product and no uploaded file")

Clock = Callable[[], datetime]


class Compressor(Protocol):
    """Makes the pictures, somewhere where it harms nobody."""

    async def compress(self, source: bytes) -> Pictures | Refused:
        """Raises `Busy`, which says why, where nothing was begun, `ChildLost` where nothing came of it."""
        ...


def policy_of(settings: MediaSettings) -> VendorPolicy:
    return VendorPolicy(
        attempts=TRIES,
        backoff=BACKOFF,
        timeout=TIMEOUT,
        repeatable=True,
        key_lifetime=FOR_EVER,
        concurrency=settings.at_once,
        breaker=False,
    )


class InChildren:
    """A `Compressor` in child processes."""

    def __init__(self, children: Children, settings: MediaSettings) -> None:
        self._children = children
        self._terms = settings.terms

    async def compress(self, source: bytes) -> Pictures | Refused:
        return await self._children.run(compress_within, source, self._terms)


class ImageResult(msgspec.Struct, frozen=True):
    """What the job shows as its result: the pictures' paths, and the large one's size in pixels."""

    product_id: UUID
    large: str
    small: str
    width: int
    height: int
    large_bytes: int
    small_bytes: int


class Media:
    """A `domain.vendors.Vendor`. Its payload is a `domain.commerce.images.Compression`, which no client can submit."""

    name = VENDOR

    def __init__(
        self,
        products: Products,
        files: FileStore,
        compressor: Compressor,
        settings: MediaSettings,
        *,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self.policy = policy_of(settings)
        self._products = products
        self._files = files
        self._compressor = compressor
        self._clock = clock

    async def call(self, call: Call) -> Outcome:
        """Make the pictures and put them on the product. Raises `NotNow` while a store is away, or all are busy."""
        try:
            asked = msgspec.json.decode(call.payload, type=Compression)
        except msgspec.DecodeError:
            return NO_COMPRESSION
        try:
            return await self._see_to(asked, call.request_id)
        except Unavailable as fault:
            raise NotNow(fault.detail, until=self._clock() + AWAY) from None
        except Busy as fault:
            raise NotNow(str(fault), until=self._clock() + AWAY) from None
        except ChildLost as fault:
            return Retry(
                "image_unreadable",
                f"the process that read the image was lost ({fault}); save the image anew and upload that",
            )

    async def _see_to(self, asked: Compression, request_id: UUID) -> Outcome:
        """
        An earlier try may have died after each of these steps: what it left is found and not done again.

        The upload goes last. While it is there the pictures can be made again, and the product takes them once.
        """
        product = await self._products.find(asked.product_id)
        if product is None:
            return PRODUCT_GONE
        image = image_of(product, request_id) or await self._make(asked, request_id)
        if isinstance(image, Failed):
            return image
        if not await self._products.add_image(asked.product_id, image, self._clock()):
            return PRODUCT_GONE if await self._products.find(asked.product_id) is None else TOO_MANY
        result = await self._result_of(asked.product_id, image)
        await self._files.remove(original_name(asked.source))
        return Done(msgspec.json.encode(result).decode())

    async def _make(self, asked: Compression, request_id: UUID) -> Image | Failed:
        source = await self._read(original_name(asked.source))
        if source is None:
            return UPLOAD_GONE
        made = await self._compressor.compress(source)
        if isinstance(made, Refused):
            return Failed(made.code, made.reason)
        return Image(
            id=request_id,
            large=await self._keep(made.large),
            small=await self._keep(made.small),
            width=made.large.width,
            height=made.large.height,
        )

    async def _keep(self, picture: Picture) -> str:
        """Its path. Under the digest of its own bytes, so that what is served under a name never changes."""
        name = picture_name(picture.content)
        await self._files.put(name, picture.content)
        return path_of_picture(name)

    async def _read(self, name: str) -> bytes | None:
        found = await self._files.find(name)
        return None if found is None else b"".join([piece async for piece in found.pieces])

    async def _result_of(self, product_id: UUID, image: Image) -> ImageResult:
        large, small = await self._bytes_of(image.large), await self._bytes_of(image.small)
        return ImageResult(product_id, image.large, image.small, image.width, image.height, large, small)

    async def _bytes_of(self, path: str) -> int:
        found = await self._files.find(name_in_path(path))
        return 0 if found is None else found.size
