"""The collections: Beanie models over the words of `domain`, and the indexes that the queries stand on."""

from datetime import datetime
from typing import Any, ClassVar

from beanie import Document
from pymongo import ASCENDING, DESCENDING, IndexModel

from domain.jobs import Job
from domain.webhooks import WebhookEvent


class JobDocument(Job, Document):
    """A `Job` in the collection `jobs`. All its indexes cost 30 % of the bare insert rate."""

    class Settings:
        name = "jobs"
        keep_nulls = False  # the partial indexes hold what is there, and a null would be there
        indexes: ClassVar = [
            IndexModel([("client", ASCENDING), ("_id", DESCENDING)], name="by_client"),
            IndexModel([("client", ASCENDING), ("status", ASCENDING), ("_id", DESCENDING)], name="by_status"),
            IndexModel(
                [("client", ASCENDING), ("idempotency_key", ASCENDING)],
                name="once_per_key",
                unique=True,
                partialFilterExpression={"idempotency_key": {"$exists": True}},
            ),
            IndexModel(
                [("vendor", ASCENDING), ("vendor_ref", ASCENDING)],
                name="once_per_reference",
                unique=True,
                partialFilterExpression={"vendor_ref": {"$exists": True}},
            ),
            IndexModel(
                [("sweep_at", ASCENDING)],
                name="to_sweep",
                partialFilterExpression={"sweep_at": {"$exists": True}},
            ),
            IndexModel(
                [("vendor", ASCENDING), ("called_at", DESCENDING)],
                name="by_call",
                partialFilterExpression={"called_at": {"$exists": True}},
            ),
            IndexModel(
                [("vendor", ASCENDING), ("status", ASCENDING), ("_id", ASCENDING)],
                name="to_replay",
                partialFilterExpression={"status": {"$in": ["failed", "cancelled"]}},  # no insert pays for it
            ),
            IndexModel(
                [("redact_at", ASCENDING)],
                name="to_redact",
                partialFilterExpression={"redact_at": {"$exists": True}},  # no insert pays for it
            ),
            IndexModel([("expire_at", ASCENDING)], name="expiry", expireAfterSeconds=0),
        ]


class WebhookDocument(WebhookEvent, Document):
    """A `WebhookEvent` in the collection `webhook_events`, the inbox."""

    class Settings:
        name = "webhook_events"
        keep_nulls = False
        indexes: ClassVar = [
            IndexModel([("vendor", ASCENDING), ("webhook_id", ASCENDING)], name="once_per_id", unique=True),
            IndexModel(
                [("vendor", ASCENDING), ("reference", ASCENDING)],
                name="by_reference",
                partialFilterExpression={"reference": {"$exists": True}},
            ),
            IndexModel(
                [("request_id", ASCENDING)],
                name="by_request_id",
                partialFilterExpression={"request_id": {"$exists": True}},
            ),
            IndexModel(
                [("sweep_at", ASCENDING)],
                name="to_sweep",
                partialFilterExpression={"sweep_at": {"$exists": True}},
            ),
            IndexModel([("expire_at", ASCENDING)], name="expiry", expireAfterSeconds=0),
        ]


class VendorDocument(Document):
    """An operator's word on a vendor, in the collection `vendors` under the vendor's name. Redis has a copy of it."""

    id: str  # type: ignore[assignment]  # Beanie's default is an ObjectId
    paused: bool = False
    paused_by: str | None = None
    paused_at: datetime | None = None
    resumed_by: str | None = None
    resumed_at: datetime | None = None
    control: dict[str, Any] | None = None  # see `domain.vendor_control`

    class Settings:
        name = "vendors"
        keep_nulls = False
        indexes: ClassVar[list[IndexModel]] = []


DOCUMENTS = (JobDocument, WebhookDocument, VendorDocument)
