"""The receiver's app. Every vendor answers at once so far, so there is none that a webhook could come from."""

from litestar import post
from litestar.types import ASGIApp

from domain.edge.app import build_edge
from domain.edge.health import health_routes
from domain.errors import NotFound
from webhooks.ports import WebhookPorts

PREFIX = "/webhooks"  # what the composition root sends here when one server does both


def build_app(ports: WebhookPorts) -> ASGIApp:
    return build_edge([receive_webhook, health_routes(ports.health)])


@post(PREFIX + "/{vendor:str}", status_code=202)
async def receive_webhook() -> None:
    """Refuse: no vendor of this gateway sends webhooks. The body is not read."""
    raise NotFound("no vendor of this name sends webhooks here")
