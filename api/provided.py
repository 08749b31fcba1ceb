"""
What the router hands to routes: the ports, as they are, with nothing to validate.

One dependency on purpose. Litestar resolves several in a task group of tasks, which took a third
of a `POST /jobs`; one alone costs nothing. The caller stands in the scope: see `caller_of`.
"""

from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation

from api.ports import AccountPorts, ApiPorts, CommercePorts, NoticePorts, OrderPorts, PaymentPorts, ShortLinkPorts

Ports = NamedDependency[SkipValidation[ApiPorts]]


def provide(ports: ApiPorts) -> dict[str, Provide]:
    return {"ports": Provide(lambda: ports, use_cache=True, sync_to_thread=False)}


def accounts_of(ports: ApiPorts) -> AccountPorts:
    """For the routes that are there only where the accounts are."""
    if ports.accounts is None:
        raise RuntimeError("this process has no accounts, and serves no route of theirs")
    return ports.accounts


def commerce_of(ports: ApiPorts) -> CommercePorts:
    """For the routes that are there only where the shop is."""
    if ports.commerce is None:
        raise RuntimeError("this process has no shop, and serves no route of it")
    return ports.commerce


def orders_of(ports: ApiPorts) -> OrderPorts:
    """For the routes that are there only where orders are."""
    if ports.orders is None:
        raise RuntimeError("this process takes no orders, and serves no route of theirs")
    return ports.orders


def notices_of(ports: ApiPorts) -> NoticePorts:
    """For the routes that are there only where mails of orders are."""
    if ports.notices is None:
        raise RuntimeError("this process tells nobody of orders, and serves no route for it")
    return ports.notices


def payments_of(ports: ApiPorts) -> PaymentPorts:
    """For the routes that are there only where payments are."""
    if ports.payments is None:
        raise RuntimeError("this process takes no payments, and serves no route of theirs")
    return ports.payments


def short_links_of(ports: ApiPorts) -> ShortLinkPorts:
    """For the route that is there only where short links are."""
    if ports.short_links is None:
        raise RuntimeError("this process has no short links, and serves no route of theirs")
    return ports.short_links
