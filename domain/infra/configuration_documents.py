"""The collection of configurations: every version of every service's, for ever."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from beanie import Document
from pymongo import ASCENDING, DESCENDING, IndexModel

CONFIGURATIONS = "configurations"


class ConfigurationDocument(Document):
    """A `Configuration`. The unique index is the compare-and-set: of those who make the same version one is stored."""

    id: UUID  # type: ignore[assignment]  # Beanie's default is an ObjectId
    service: str
    version: int
    size: int
    text: str
    changed_at: datetime
    changed_by: str

    class Settings:
        name = CONFIGURATIONS
        indexes: ClassVar = [
            IndexModel([("service", ASCENDING), ("version", DESCENDING)], name="once_per_version", unique=True),
        ]


CONFIGURATION_DOCUMENTS = (ConfigurationDocument,)
