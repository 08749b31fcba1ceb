"""Which simulated vendors there are: one line each, under `/<name>`."""

from typing import Protocol

from loadtest.vendors.async_vendor import AsyncVendor
from loadtest.vendors.deliveries import Sender
from loadtest.vendors.sync_vendor import SyncVendor
from loadtest.vendors.wire import Reply, Request


class SimulatedVendor(Protocol):
    """A vendor that behaves well; misbehaving, idempotency and the ledger are added by its desk."""

    @property
    def name(self) -> str: ...

    async def act(self, request: Request) -> Reply:
        """Do what `request` asks, under any path that begins with the vendor's name."""
        ...


def simulated_vendors(sender: Sender) -> tuple[SimulatedVendor, ...]:
    """`sender` posts the webhooks of those that send some."""
    return (
        SyncVendor(),
        AsyncVendor(sender),
    )
