"""What the webhook receiver needs of the outside, handed in by the composition root."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.ports import FailureLimit, HealthCheck, WebhookInbox
from domain.tallies import Tallies
from domain.webhooks import WebhookReader


@dataclass(frozen=True, slots=True)
class WebhookPorts:
    """`readers` has the vendors that send webhooks, and may change at any time. For hops see `client_address`."""

    readers: Mapping[str, WebhookReader]
    inbox: WebhookInbox
    failures: FailureLimit
    trusted_hops: int = 0
    health: tuple[HealthCheck, ...] = ()
    counts: Tallies = field(default_factory=Tallies)
