"""Products as everybody sees them: never who made one, nor under which key."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from domain.commerce.products import Image, Product
from domain.money import Money

Id = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]


class MoneyView(msgspec.Struct, frozen=True):
    """An amount and what it is of."""

    amount: Annotated[int, Meta(description="In minor units: 1999 USD is $19.99, 1999 JPY is ¥1999.")]
    currency: Annotated[str, Meta(description="ISO 4217.")]


class ImageView(msgspec.Struct, frozen=True):
    """One picture in two sizes, WebP."""

    id: Annotated[str, Meta(description="Of the job that made it.", extra_json_schema={"format": "uuid"})]
    large: Annotated[str, Meta(description="Path, below the gateway's own address.")]
    small: str
    width: Annotated[int, Meta(description="Of the large one, in pixels.")]
    height: int


class ProductView(msgspec.Struct, frozen=True):
    """What is sold, at what price, and how many there are."""

    id: Id
    name: str
    description: str
    category: str | None
    price: MoneyView
    stock: Annotated[int, Meta(description="How many can be ordered now.")]
    images: list[ImageView]
    created_at: datetime
    updated_at: Annotated[datetime, Meta(description="By an admin; sales change the stock alone.")]
    version: Annotated[int, Meta(description="Grows with every change but sales; `ETag` holds it, and the stock.")]


class ProductList(msgspec.Struct, frozen=True):
    """Newest first."""

    items: list[ProductView]
    next_cursor: str | None


def product_view(product: Product) -> ProductView:
    return ProductView(
        id=str(product.id),
        name=product.name,
        description=product.description,
        category=product.category,
        price=money_view(product.price),
        stock=product.stock,
        images=[_image_view(image) for image in product.images],
        created_at=product.created_at,
        updated_at=product.updated_at,
        version=product.version,
    )


def money_view(money: Money) -> MoneyView:
    return MoneyView(money.amount, money.currency)


def _image_view(image: Image) -> ImageView:
    return ImageView(str(image.id), image.large, image.small, image.width, image.height)
