"""Settings of the shop: its orders and its pictures."""

from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from domain.commerce.short_links import read_hosts


class ShopSettings(BaseSettings):
    """A part of `cli.settings.Settings`, which reads it."""

    order_minutes: float = Field(
        30, gt=0, le=10_080, description="how long an order may stay unpaid before it is cancelled, up to 10080 minutes"
    )
    media_dir: Path | None = Field(
        None, description="directory of images, which all hosts must share; default media in GATEWAY_HOME"
    )
    media_bucket: str | None = Field(
        None,
        pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._/-]*)?$",
        description="S3 bucket of images instead, like shop or shop/images; AWS_ACCESS_KEY_ID and the like open it",
    )
    media_processes: int = Field(1, ge=1, le=64, description="images compressed at once in each worker, 1 to 64")
    payments_limit: str | None = Field(
        None,
        description="requests to Stripe of the whole fleet, like 50/second or 60/second; 2000/minute; default "
        "20/second with a key of the test mode and 80/second with a live one",
    )
    reconcile_every_seconds: int = Field(
        3600,
        ge=0,
        le=604_800,
        description="how often the books are compared with the payment processor's lists, in seconds up to 604800; "
        "0: never by itself",
    )
    short_hosts: str | None = Field(
        None,
        description="hosts that short links may lead to besides the payment processor's own, like pay.example or "
        "pay.example:8443, separated by commas; default none",
    )

    @field_validator("short_hosts")
    @classmethod
    def _are_hosts(cls, listed: str | None) -> str | None:
        read_hosts(listed or "")
        return listed

    @property
    def short_link_hosts(self) -> frozenset[str]:
        return read_hosts(self.short_hosts or "")
