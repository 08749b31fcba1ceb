"""The record of who did what: sign-ins, use of keys, whatever an admin changes. It holds no secret and no payload."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Act(StrEnum):
    """Permanent names, dotted: the thing, then what was done."""

    SIGNED_IN = "session.began"
    SIGN_IN_REFUSED = "session.refused"
    SIGNED_OUT = "session.ended"
    REFRESH_REUSED = "session.reused"
    REGISTERED = "user.registered"
    CONFIRMED = "user.confirmed"
    PASSWORD_CHANGED = "user.password_changed"  # noqa: S105 - a name
    PASSWORD_RESET_ASKED = "user.reset_asked"  # noqa: S105 - a name
    PROFILE_CHANGED = "user.changed"
    EMAIL_ASKED = "user.email_asked"
    EMAIL_CHANGED = "user.email_changed"
    EMAIL_REFUSED = "user.email_refused"
    LOCKED = "user.locked"
    UNLOCKED = "user.unlocked"
    EXPORTED = "user.exported"
    DELETED = "user.deleted"
    ADMIN_MADE = "user.admin_made"
    KEY_MADE = "key.made"
    KEY_USED = "key.used"
    KEY_REVOKED = "key.revoked"
    KEY_LEFT = "key.left"
    BOOTSTRAP_MADE = "key.bootstrap_made"
    BOOTSTRAP_REVOKED = "key.bootstrap_revoked"
    VENDOR_PAUSED = "vendor.paused"
    VENDOR_RESUMED = "vendor.resumed"
    VENDOR_CHANGED = "vendor.changed"
    JOB_CANCELLED = "job.cancelled"  # this and the next two: somebody else's, by an admin
    JOB_RETRIED = "job.retried"
    JOB_DELETED = "job.deleted"
    JOBS_REPLAYED = "jobs.replayed"
    PRODUCT_MADE = "product.made"
    PRODUCT_CHANGED = "product.changed"
    PRODUCT_DELETED = "product.deleted"
    ORDER_MOVED = "order.moved"
    PAYMENT_TRIED = "payment.tried"  # by an admin
    PAYMENT_REFUNDED = "payment.refunded"
    PAYMENTS_MOVED = "payments.moved"  # to another account at the processor, by an operator's word that it is the same
    IMAGE_UPLOADED = "product.image_uploaded"
    IMAGE_REMOVED = "product.image_removed"
    RESTORED = "jobs.restored"
    SETTINGS_CHANGED = "settings.changed"
    CONFIG_CHANGED = "config.changed"


@dataclass(frozen=True, slots=True)
class Entry:
    """`actor` is a caller's client, "" for nobody known; `subject` is what it was done to."""

    id: UUID  # a UUIDv7, the page cursor too
    at: datetime
    act: Act
    actor: str
    subject: str
    address: str = ""
    trace_id: str = ""
    detail: Mapping[str, str] = field(default_factory=dict)
