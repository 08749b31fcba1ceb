"""
Services behind the gateway: what is asked of one of their instances, and what it answers. Bodies are never whole here.

A service is named by its table, `[services.NAME]`; which instance a request goes to is nobody's concern on this side.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Protocol

Header = tuple[bytes, bytes]  # the name in lower case

UNAVAILABLE = "service-unavailable"  # nothing was done: the same request is safe to repeat
TIMEOUT = "service-timeout"
BROKEN_OFF = "service-broken-off"  # it may have been done


class ClientGone(Exception):
    """Whoever asked has hung up: there is nobody to answer."""


def breaker_key(service: str, instance_url: str) -> str:
    """What the fleet's breaker of one instance is known by."""
    return f"service:{service}:{instance_url}"


class Access(StrEnum):
    """Who may ask a service."""

    PUBLIC = auto()  # anybody; credentials that are sent must be good all the same
    AUTHENTICATED = auto()
    SERVICE = auto()  # keys of services, and admins
    ADMIN = auto()


@dataclass(frozen=True, slots=True)
class ServicePolicy:
    """What a service's table says of who may ask it, and with what."""

    access: Access = Access.AUTHENTICATED
    forward_authorization: bool = False
    max_body_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class ProxyRequest:
    """
    A request as an instance is to see it. `target` is path and query, byte for byte, below the instance's own address.

    `length` is that of the body: 0 where there is none, None where only its end tells.
    """

    method: str
    target: str
    headers: tuple[Header, ...]
    length: int | None
    request_id: str


class ProxyReply(Protocol):
    """An instance's answer. Whoever was given one closes it, however that ends."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Sequence[Header]:
        """As the instance sent them, all of them."""
        ...

    def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises `BrokenOff` and `TimedOut` in the middle of it."""
        ...

    async def close(self) -> None:
        """Hangs up on the instance where the body was not read to its end."""
        ...


class Services(Protocol):
    def policy(self, name: str) -> ServicePolicy | None:
        """None for a service that nobody named."""
        ...

    async def open(self, name: str, request: ProxyRequest, body: AsyncIterator[bytes]) -> ProxyReply:
        """
        Ask one of the instances, another one where that is safe. Cancelled, it hangs up at once.

        Raises `NotFound`, `Unavailable` where nothing was done, `BrokenOff` where it may have been, `TimedOut`, and
        what `body` raises.
        """
        ...
