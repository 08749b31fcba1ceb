"""
The server of the simulated vendors, run by `gateway demo-vendors` and `python -m loadtest.vendors`.

Raw ASGI, since it shares the machine with what it measures: a call costs about a tenth
of what the gateway spends on the same job.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType

import uvicorn

from loadtest.services.samples import Samples
from loadtest.stripe.desk import StripeDesk
from loadtest.stripe.simulated import simulated_stripe
from loadtest.stripe.webhooks import Endpoint
from loadtest.vendors.control import Control
from loadtest.vendors.deliveries import DeliveryLog, Sender
from loadtest.vendors.desk import VendorDesk
from loadtest.vendors.ledger import Ledger
from loadtest.vendors.registry import simulated_vendors
from loadtest.vendors.signing import Signer
from loadtest.vendors.webhook_control import WebhookControl
from loadtest.vendors.wire import CuttingProtocol, Exchange, Receive, Reply, Scope, Send

_NOT_FOUND = Reply(b'{"error":"no such vendor"}', 404)
_HEALTHY = Reply(b'{"status":"ok"}')


class VendorsApp:
    """`/<vendor>…` is that vendor's, `/control/…` tells them what to do, `/health` answers."""

    def __init__(self, secret: str, stripe_endpoints: Sequence[Endpoint] = (), samples: Samples | None = None) -> None:
        ledger, signer, log = Ledger(), Signer(secret), DeliveryLog()
        sender = Sender(signer, log)
        stripe = simulated_stripe(ledger, log, stripe_endpoints)
        desks = {vendor.name: VendorDesk(vendor, ledger) for vendor in simulated_vendors(sender)}
        self._desks: dict[str, VendorDesk | StripeDesk] = {**desks, "stripe": stripe.desk}
        self._control = Control(desks, ledger, WebhookControl(log, signer), stripe.control, samples or Samples({}))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send)
        first = exchange.path.split("/", 2)[1] if "/" in exchange.path else ""
        if desk := self._desks.get(first):
            await desk.take_call(exchange)
        elif first == "control":
            await self._control.take_request(exchange)
        else:
            await exchange.answer(_HEALTHY if first == "health" else _NOT_FOUND)


def build_server(
    host: str,
    port: int,
    secret: str,
    stripe_endpoints: Sequence[Endpoint] = (),
    samples: Samples | None = None,
) -> uvicorn.Server:
    """
    A server that has opened nothing yet; `secret` (`whsec_…`) signs the webhooks.

    Those of the simulated Stripe go to `stripe_endpoints`, each signed with its own secret.
    """
    return uvicorn.Server(
        uvicorn.Config(
            VendorsApp(secret, stripe_endpoints, samples),
            host=host,
            port=port,
            http=CuttingProtocol,
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=75,  # nginx's default: shorter than a client's idle pool, and calls meet a closed line
        )
    )


def main(
    host: str,
    port: int,
    secret: str,
    stripe_endpoints: Sequence[Endpoint] = (),
    services: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> None:
    """Serve until SIGINT or SIGTERM, the sample `services` too, each at its own addresses."""
    samples = Samples(services)
    server = build_server(host, port, secret, stripe_endpoints, samples)

    async def serve() -> None:
        async with samples.running():
            await server.serve()

    with suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(serve())  # uvicorn raises the signal again once it has shut down
