"""
A vendor as the worker sees it: a policy, and one call at a time.

Everything about a vendor's own words (its URL, its JSON, its secrets) stays behind
this port, in the vendor's folder under `vendors/`.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from domain.backoff import Backoff
from domain.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class VendorPolicy:
    """How often and how long a vendor may be tried. `key_lifetime` is how long it remembers an idempotency key."""

    attempts: int = 5
    backoff: Backoff = field(default_factory=Backoff)
    timeout: timedelta = timedelta(seconds=10)
    repeatable: bool = False
    key_lifetime: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Call:
    """One call that a job makes. `payload` is JSON text, byte for byte as the client sent it."""

    request_id: UUID
    payload: str
    timeout: timedelta  # bounds the whole call, the reply's body included
    generation: int = 1
    operation: str = "call"
    traceparent: str | None = None  # the client's (W3C Trace Context), to be handed on

    @property
    def idempotency_key(self) -> str:
        """The same over every automatic attempt; only a retry that somebody asked for changes it."""
        return f"{self.request_id}:{self.operation}:{self.generation}"


class Vendor(Protocol):
    """One vendor. `call` never retries: the worker alone knows how often a job may be tried."""

    @property
    def name(self) -> str: ...

    @property
    def policy(self) -> VendorPolicy: ...

    async def call(self, call: Call) -> Outcome:
        """Make one call. Raises `OutcomeUnknown` when the vendor may have acted and nobody can tell."""
        ...
