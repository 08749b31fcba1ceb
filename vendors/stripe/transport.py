"""
The SDK's HTTP client: one request of the SDK is one call of `vendors.http`.

Why not the SDK's own `HTTPXClient`: it has no gate, so the fleet's limit would not hold; it cannot say whether
anything left for Stripe, on which hangs whether a payment may be asked for again; it reads proxies from the
environment and keeps cookies; and it costs several times the CPU (`vendors.transport`).

Quirk: a POST without a key gets a random one of the SDK's, so that a second try would pay twice. None leaves.
Quirk: a header `Stripe-Notice` becomes a Python warning, in the middle of a call that was made.
Quirk: with telemetry on it writes a file into the home directory and tells Stripe of this machine.
"""

import logging
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass

import httpx
import stripe

from domain.vendors import Call
from vendors.errors import Unsendable
from vendors.http import Reply, VendorHttp, VendorRequest
from vendors.stripe.settings import API_VERSION, StripeSettings

MAX_REPLY_BYTES = 8 * 1024 * 1024  # a page of a hundred objects, each with what was asked for with it


@dataclass(slots=True)
class Exchange:
    """One request of the SDK: for whom it is made, and what came back, whatever the SDK makes of it."""

    call: Call
    moves: bool  # whether it changes anything at Stripe: then it goes under the call's key, and only then
    reply: Reply | None = None


current: ContextVar[Exchange] = ContextVar("exchange")


class GatewayClient(stripe.HTTPClient):
    """Raises what `VendorHttp.send` raises: the SDK lets through what is no error of its own."""

    name = "vendor-gateway"

    def __init__(self, http: VendorHttp) -> None:
        super().__init__()
        self._http = http

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        exchange = current.get()
        _check_key(method, headers, exchange)
        request = VendorRequest(
            method.upper(), httpx.URL(url), headers, (post_data or "").encode(), keyed=exchange.moves
        )
        reply = exchange.reply = await self._http.send(request, exchange.call, max_bytes=MAX_REPLY_BYTES)
        told = httpx.Headers(reply.headers)
        told.pop("stripe-notice", None)
        return reply.body, reply.status, told

    async def close_async(self) -> None:
        """The connections are `VendorHttp`'s, and of whoever opened that."""


def open_client(settings: StripeSettings, http: VendorHttp) -> stripe.StripeClient:
    """A client for the event loop of `http`, which never tries again by itself."""
    stripe.enable_telemetry = False
    logging.getLogger("stripe").setLevel(logging.WARNING)  # below that it writes bodies: names, addresses
    return stripe.StripeClient(
        settings.secret_key.get_secret_value(),
        base_addresses={"api": settings.api_base},
        http_client=GatewayClient(http),
        max_network_retries=0,
        stripe_version=API_VERSION,
    )


def _check_key(method: str, headers: Mapping[str, str], exchange: Exchange) -> None:
    if method != "get" and not exchange.moves:
        raise Unsendable("A change at Stripe was asked for as a question, without a key; nothing was sent.")
    if exchange.moves and headers.get("Idempotency-Key") != exchange.call.idempotency_key:
        raise Unsendable("A change at Stripe was asked for without the job's key; nothing was sent.")
