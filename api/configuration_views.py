"""A version of a configuration, told without its values: the list of them, and the answer to a change."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from domain.configurations import Version


class ConfigurationVersionView(msgspec.Struct, frozen=True):
    """One version, who made it and when."""

    service: str
    version: Annotated[int, Meta(description="From 1; the number in the ETag.")]
    size: Annotated[int, Meta(description="Of its text, in bytes.")]
    changed_at: datetime
    changed_by: Annotated[str, Meta(description="A caller's client.")]


class ConfigurationHistory(msgspec.Struct, frozen=True):
    """Newest first."""

    items: list[ConfigurationVersionView]
    next_cursor: str | None


def version_view(version: Version) -> ConfigurationVersionView:
    return ConfigurationVersionView(
        version.service, version.number, version.size, version.changed_at, version.changed_by
    )
