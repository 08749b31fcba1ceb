"""
A vendor as the worker sees it: a policy, and one call at a time.

Everything about a vendor's own words (its URL, its JSON, its secrets) stays behind
this port, in the vendor's folder under `vendors/`.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol, runtime_checkable
from uuid import UUID

from domain.backoff import Backoff, Pauses
from domain.balancing.instances import Instance
from domain.balancing.ports import Breakers
from domain.outcomes import Outcome
from domain.webhooks import WebhookReader

# Awaited immediately before the first byte of a call leaves; returns when it may. Raises `NotNow`.
Gate = Callable[[], Awaitable[None]]


def instance_breaker(vendor: str, instance_url: str) -> str:
    """What the fleet's breaker of one instance is called."""
    return f"vendor:{vendor}:{instance_url}"


@dataclass(frozen=True, slots=True)
class VendorPolicy:
    """
    How often, how long and how fast a vendor may be called. `key_lifetime` is how long it remembers an idempotency key.

    `limit` is in the notation of the `limits` library, `cost` what one call takes of it; `burst_guard` is added
    to every window, for the jitter between our start and the vendor's receipt. `concurrency` is calls at once over
    the whole fleet. `poll_every` is how often to ask for what the vendor has not told yet; None: never. `breaker` False
    is for one that is many, or no other than ourselves: trouble with it holds no other job's call.
    """

    attempts: int = 5
    backoff: Pauses = field(default_factory=Backoff)
    timeout: timedelta = timedelta(seconds=10)
    repeatable: bool = False
    key_lifetime: timedelta = timedelta(hours=24)
    limit: str | None = None
    cost: int = 1
    concurrency: int | None = None
    burst_guard: timedelta = timedelta(milliseconds=25)
    poll_every: timedelta | None = None
    breaker: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    """One call that a job makes. `payload` is JSON text, byte for byte as the client sent it."""

    request_id: UUID
    payload: str
    timeout: timedelta  # bounds the whole call, the reply's body included
    generation: int = 1
    operation: str = "call"
    traceparent: str | None = None  # the client's (W3C Trace Context), to be handed on
    gate: Gate | None = field(default=None, repr=False, compare=False)
    note_sent: Callable[[], None] | None = field(default=None, repr=False, compare=False)  # its bytes leave now
    guards: Breakers | None = field(default=None, repr=False, compare=False)  # of instances, where there are several
    hurried: bool = False  # its job's deadline leaves it less time than the vendor has for an answer

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


@runtime_checkable
class HasInstances(Protocol):
    """A vendor that is reached at several addresses: one vendor all the same."""

    @property
    def instances(self) -> Sequence[Instance]:
        """None of them where this one has but the address that it is called at."""
        ...


@runtime_checkable
class SendsWebhooks(Protocol):
    """A vendor that tells us later what came of a job."""

    @property
    def webhooks(self) -> WebhookReader | None:
        """None where this one does not, as its table says."""
        ...


@runtime_checkable
class AnswersPolls(Protocol):
    """A vendor that can be asked what came of a job; asked only where its policy has `poll_every`."""

    async def poll(self, call: Call, reference: str) -> Outcome:
        """Ask once. `Waiting` means that it is still at it; `Done` and `Failed` are the vendor's explicit word."""
        ...


@runtime_checkable
class TakesCancels(Protocol):
    """A vendor that can be told that a job is no longer wanted."""

    async def cancel(self, call: Call, reference: str) -> None:
        """Tell it once; raises whatever `call` may raise. What it says changes nothing about the job."""
        ...
