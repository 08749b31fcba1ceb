"""What the webhook receiver needs of the outside, handed in by the composition root."""

from dataclasses import dataclass

from domain.ports import HealthCheck


@dataclass(frozen=True, slots=True)
class WebhookPorts:
    health: tuple[HealthCheck, ...] = ()
