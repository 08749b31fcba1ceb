"""The receiver's app: one route for all vendors, and health."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from litestar import post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, SkipValidation
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from domain.edge.answers import AnyRequest
from domain.edge.app import build_edge
from domain.edge.health import health_routes
from domain.ports import StoredEvent
from webhooks.ports import WebhookPorts
from webhooks.receiver import Receiver

PREFIX = "/webhooks"  # what the composition root sends here when one server does both

# To a vendor an id that came before is an old one, whatever it brought: sending it again would change nothing.
_SAID: Mapping[StoredEvent, tuple[HTTPStatus, bytes]] = MappingProxyType(
    {
        StoredEvent.NEW: (HTTPStatus.ACCEPTED, b'{"status":"accepted"}'),
        StoredEvent.DUPLICATE: (HTTPStatus.OK, b'{"status":"duplicate"}'),
        StoredEvent.CONFLICTING: (HTTPStatus.OK, b'{"status":"duplicate"}'),
    }
)


def build_app(ports: WebhookPorts) -> ASGIApp:
    receiver = Receiver(ports)
    provided = {"receiver": Provide(lambda: receiver, use_cache=True, sync_to_thread=False)}
    return build_edge([receive_webhook, *health_routes(ports.health)], dependencies=provided, counts=ports.counts)


@post(PREFIX + "/{vendor:str}", status_code=HTTPStatus.ACCEPTED)
async def receive_webhook(
    request: AnyRequest, vendor: FromPath[str], receiver: NamedDependency[SkipValidation[Receiver]]
) -> ASGIResponse:
    """Verify, store, answer. A worker applies it."""
    status, body = _SAID[await receiver.receive(vendor, request.scope, request.receive)]
    return ASGIResponse(body=body, status_code=status, media_type="application/json")
