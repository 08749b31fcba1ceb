"""
Products: what is sold, at what price, and how many there are.

What a product is changes by compare-and-set on `version`. Its stock changes besides by orders, which take and give
back in transactions of their own and leave `version` and `updated_at` alone: who sets it by hand must have seen what it
is (see `Products.change`), and `version` and `stock` together say which state of the product somebody has seen.
"""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.money import Money

MOST_STOCK = 1_000_000_000
MOST_IMAGES = 20
TOO_MANY_IMAGES = f"the product has {MOST_IMAGES} images, the most of one product; take one off it first"


class Image(BaseModel):
    """One picture in two sizes, WebP without metadata. The paths are below the gateway's own address."""

    model_config = ConfigDict(frozen=True)

    id: UUID  # of the job that made it
    large: str  # path: /media/<digest>.webp
    small: str
    width: int  # of the large one, in pixels
    height: int


class Product(BaseModel):
    """A product that was deleted is kept, since orders name it: nobody finds it, and nobody buys it."""

    model_config = ConfigDict(frozen=True)

    id: UUID  # a UUIDv7, the page cursor too
    name: str
    description: str = ""
    category: str | None = None
    price: Money
    stock: int = 0
    images: list[Image] = Field(default_factory=list)
    version: int = 0
    made_by: str | None = None  # a caller's client
    idempotency_key: str | None = None  # theirs, under which it was made
    fingerprint: str | None = None  # of the body that came with it
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None


def image_of(product: Product, image_id: UUID) -> Image | None:
    """The one that this job made, where the product has it."""
    return next((image for image in product.images if image.id == image_id), None)


def tag_of(product: Product) -> str:
    """Its entity tag: no two states of it that anybody may see have the same one."""
    return f'"{product.version}-{product.stock}"'
