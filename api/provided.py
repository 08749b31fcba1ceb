"""
What the router hands to routes: the ports, as they are, with nothing to validate.

One dependency on purpose. Litestar resolves several in a task group of tasks, which took a third
of a `POST /jobs`; one alone costs nothing. The caller stands in the scope: see `caller_of`.
"""

from typing import TypeVar

from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation

from api.ports import (
    AccountPorts,
    ApiPorts,
    CommercePorts,
    NoticePorts,
    OrderPorts,
    PaymentPorts,
    ServicePorts,
    ShortLinkPorts,
)
from domain.configurations import Configurations
from domain.vendor_control import VendorControls

Part = TypeVar("Part")

Ports = NamedDependency[SkipValidation[ApiPorts]]


def provide(ports: ApiPorts) -> dict[str, Provide]:
    return {"ports": Provide(lambda: ports, use_cache=True, sync_to_thread=False)}


def accounts_of(ports: ApiPorts) -> AccountPorts:
    return _served(ports.accounts, "accounts")


def commerce_of(ports: ApiPorts) -> CommercePorts:
    return _served(ports.commerce, "shop")


def orders_of(ports: ApiPorts) -> OrderPorts:
    return _served(ports.orders, "orders")


def notices_of(ports: ApiPorts) -> NoticePorts:
    return _served(ports.notices, "mails of orders")


def payments_of(ports: ApiPorts) -> PaymentPorts:
    """For the routes that are there only where payments are."""
    if ports.payments is None:
        raise RuntimeError("this process takes no payments, and serves no route of theirs")
    return ports.payments


def short_links_of(ports: ApiPorts) -> ShortLinkPorts:
    return _served(ports.short_links, "short links")


def configurations_of(ports: ApiPorts) -> Configurations:
    return _served(ports.configurations, "configurations")


def controls_of(ports: ApiPorts) -> VendorControls:
    return _served(ports.vendor_controls, "live control of vendors")


def services_of(ports: ApiPorts) -> ServicePorts:
    return _served(ports.services, "services")


def _served(part: Part | None, what: str) -> Part:
    """For the routes that are there only where the part is."""
    if part is None:
        raise RuntimeError(f"this process has no {what}, and serves no route of theirs")
    return part
