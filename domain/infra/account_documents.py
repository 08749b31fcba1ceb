"""
The collections of accounts: Beanie models that name what the queries stand on, and the indexes for it.

The rest of each document is what the words of `domain.accounts` hold, Nones left out.
"""

from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from beanie import Document
from pymongo import ASCENDING, DESCENDING, IndexModel

USERS = "users"
SESSIONS = "sessions"
API_KEYS = "api_keys"
LINKS = "links"
AUDIT = "audit"
SETTINGS = "settings"

KEPT_AFTER_EXPIRY = timedelta(days=7)  # a refresh token that is shown too late is told from one of nobody's


class UserDocument(Document):
    """A `User`."""

    id: UUID  # type: ignore[assignment]  # Beanie's default is an ObjectId
    email_key: str
    username_key: str | None = None
    forget_at: datetime | None = None
    version: int

    class Settings:
        name = USERS
        keep_nulls = False
        indexes: ClassVar = [
            IndexModel([("email_key", ASCENDING)], name="once_per_address", unique=True),
            IndexModel(
                [("username_key", ASCENDING)],
                name="once_per_username",
                unique=True,
                partialFilterExpression={"username_key": {"$exists": True}},
            ),
            IndexModel([("forget_at", ASCENDING)], name="unconfirmed", expireAfterSeconds=0),
        ]


class SessionDocument(Document):
    """A `Session`, with the time at which it ends by itself."""

    id: UUID  # type: ignore[assignment]
    user: UUID
    number: int
    expires_at: datetime
    ended_at: datetime | None = None

    class Settings:
        name = SESSIONS
        keep_nulls = False
        indexes: ClassVar = [
            IndexModel([("user", ASCENDING), ("_id", DESCENDING)], name="by_user"),
            IndexModel(
                [("expires_at", ASCENDING)],
                name="expiry",
                expireAfterSeconds=int(KEPT_AFTER_EXPIRY.total_seconds()),
            ),
        ]


class ApiKeyDocument(Document):
    """An `ApiKey`."""

    id: UUID  # type: ignore[assignment]
    created_by: str
    user: UUID | None = None
    revoked_at: datetime | None = None
    used_at: datetime | None = None

    class Settings:
        name = API_KEYS
        keep_nulls = False
        indexes: ClassVar = [
            IndexModel([("created_by", ASCENDING), ("_id", DESCENDING)], name="by_creator"),
            IndexModel([("user", ASCENDING)], name="by_user", partialFilterExpression={"user": {"$exists": True}}),
        ]


class LinkDocument(Document):
    """A `Link` under its user and purpose, so that a new one takes the place of the one before."""

    id: str  # type: ignore[assignment]
    link: UUID
    expires_at: datetime

    class Settings:
        name = LINKS
        keep_nulls = False
        indexes: ClassVar = [
            IndexModel([("link", ASCENDING)], name="once_per_link", unique=True),
            IndexModel([("expires_at", ASCENDING)], name="expiry", expireAfterSeconds=0),
        ]


class AuditDocument(Document):
    """An `Entry`, with the time of its deletion: a setting that changes holds for what is written from then on."""

    id: UUID  # type: ignore[assignment]
    act: str
    actor: str
    subject: str
    expire_at: datetime

    class Settings:
        name = AUDIT
        keep_nulls = False
        indexes: ClassVar = [
            IndexModel([("actor", ASCENDING), ("_id", DESCENDING)], name="by_actor"),
            IndexModel([("subject", ASCENDING), ("_id", DESCENDING)], name="by_subject"),
            IndexModel([("act", ASCENDING), ("_id", DESCENDING)], name="by_act"),
            IndexModel([("expire_at", ASCENDING)], name="expiry", expireAfterSeconds=0),
        ]


class SettingsDocument(Document):
    """A `Recorded`, the one of the fleet, as JSON: the names of its settings are no names of fields."""

    id: str  # type: ignore[assignment]
    recorded: str

    class Settings:
        name = SETTINGS
        indexes: ClassVar[list[IndexModel]] = []


ACCOUNT_DOCUMENTS = (UserDocument, SessionDocument, ApiKeyDocument, LinkDocument, AuditDocument, SettingsDocument)
