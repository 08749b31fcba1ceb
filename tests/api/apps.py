"""
The API for tests by the hundred: an app is built once for what decides its shape, and each request finds its own ports.

Building one takes 70 ms, a request one. What `build_app` reads while it builds is in the shape; whatever else it keeps
of the ports is looked up again when it is used.
"""

from collections.abc import Callable, Hashable
from contextvars import ContextVar
from typing import Any

from litestar.types import ASGIApp, Receive, Scope, Send

from api.app import build_app
from api.ports import ApiPorts, ServicePorts

_PORTS: ContextVar[ApiPorts] = ContextVar("ports")
_BUILT: dict[Hashable, ASGIApp] = {}


class _Now:
    """Stands for something of the ports that the request at hand belongs to."""

    def __init__(self, look: Callable[[ApiPorts], object]) -> None:
        self._look = look

    def __getattr__(self, name: str) -> Any:
        return getattr(self._look(_PORTS.get()), name)


def app_of(ports: ApiPorts) -> ASGIApp:
    shape = _shape_of(ports)
    if shape not in _BUILT:
        _BUILT[shape] = _built(ports)
    app = _BUILT[shape]

    async def with_ports(scope: Scope, receive: Receive, send: Send) -> None:
        _PORTS.set(ports)
        await app(scope, receive, send)

    return with_ports


def _shape_of(ports: ApiPorts) -> Hashable:
    accounts = ports.accounts
    return (
        *(part is None for part in (accounts, ports.commerce, ports.orders, ports.notices, ports.short_links)),
        ports.services is None,
        ports.payments is None,
        ports.configurations is None,
        ports.exposition is None,
        None if accounts is None else (accounts.trusted_hops, accounts.origins),
        tuple(check.name for check in ports.health),
        ports.anonymous_allowed,
        ports.browsers,
    )


def _built(first: ApiPorts) -> ASGIApp:
    ports: Any = _Now(lambda ports: ports)

    async def pause() -> None:
        await _PORTS.get().brake()

    ports.callers = _Now(lambda ports: ports.callers)
    if first.services is not None:
        services: Any = _Now(_services_of)
        ports.services = ServicePorts(services)
    ports.limits = _Now(lambda ports: ports.limits)
    ports.brake = pause
    ports.health = tuple(_check(number) for number in range(len(first.health)))
    _PORTS.set(first)
    return build_app(ports)


def _services_of(ports: ApiPorts) -> object:
    return None if ports.services is None else ports.services.services


def _check(number: int) -> Any:
    return _Now(lambda ports: ports.health[number])
