"""
Keys of machine clients: `gwk_<id>_<secret>`, shown once.

The secret is 256 random bits, of which the SHA-256 is kept: a slow hash would protect nothing more. A key may do what
its role may, within its scopes, and no faster than its rate.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.callers import Role


class Scope(StrEnum):
    """What a key may be narrowed to; without any, it may whatever its role may."""

    READ_JOBS = "jobs:read"
    WRITE_JOBS = "jobs:write"
    READ_USERS = "users:read"
    READ_VENDORS = "vendors:read"
    WRITE_VENDORS = "vendors:write"
    WRITE_PRODUCTS = "products:write"
    READ_ORDERS = "orders:read"
    WRITE_ORDERS = "orders:write"
    WRITE_NOTIFICATIONS = "notifications:write"
    READ_PAYMENTS = "payments:read"
    WRITE_PAYMENTS = "payments:write"
    WRITE_REFUNDS = "refunds:write"
    READ_CONFIG = "config:read"
    WRITE_CONFIG = "config:write"
    CALL_SERVICES = "services:call"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """`client` owns what it submits: the user who made it or, for a service, a client of its own."""

    id: UUID
    name: str
    client: str
    role: Role
    digest: str  # SHA-256 of the whole key, in hex
    created_at: datetime
    created_by: str  # a caller's client
    user: UUID | None = None  # whose it is: it opens nothing while they are locked
    scopes: frozenset[Scope] | None = None  # None: all that the role may
    rate: str | None = None  # in the notation of `limits`; None: a client's usual rate
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    used_at: datetime | None = None  # roughly: noted once a minute at most

    def is_live(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)
