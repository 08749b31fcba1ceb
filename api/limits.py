"""
How often somebody may ask: a client by its rate, an address where nobody is asked who they are.

Told as draft-ietf-httpapi-ratelimit-headers-11 has it, on refusals too: `q` requests in any `w` seconds, `r` left, and
no more than those for `t` seconds. Pure ASGI, behind the gate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from api.access import ACCESS
from api.callers import caller_in
from api.rules import Door
from domain.edge.addresses import client_address
from domain.edge.answers import refuse
from domain.errors import TooMany
from domain.quotas import AddressLimit, CallerLimit, Standing, Verdict

# Whoever asks here is nobody yet. What is merely read in the open (health, docs, the catalogue) is not counted.
# A service's route is such a one for those who came in without saying who they are.
_FOR_NOBODYS = frozenset({Door.OPEN, Door.SERVICE})
COUNTED_BY_ADDRESS = frozenset(
    route for route, rule in ACCESS.items() if rule.door in _FOR_NOBODYS and route[0] not in {"GET", "OPTIONS"}
)

_CLIENT, _ADDRESS = "client", "address"


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """None: no limit. `trusted_hops` proxies in front of us are believed about the client's address."""

    of_callers: CallerLimit | None = None
    of_addresses: AddressLimit | None = None
    trusted_hops: int = 0


class Limits:
    def __init__(self, app: ASGIApp, limits: RequestLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        name, verdict = await self._ask(scope)
        if verdict is None:
            await self._app(scope, receive, send)
            return
        lines = _lines(name, verdict.standings)

        async def send_with_lines(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *lines]
            await send(message)

        if verdict.wait_seconds:
            await refuse(_too_many(name, verdict), scope, receive, send_with_lines)
        else:
            await self._app(scope, receive, send_with_lines)

    async def _ask(self, scope: HTTPScope) -> tuple[str, Verdict | None]:
        caller = caller_in(scope)
        if caller is not None:
            by_rate = self._limits.of_callers
            return (_CLIENT, await by_rate.take(caller)) if by_rate is not None else ("", None)
        route = scope["method"], scope["path_template"]
        if route in COUNTED_BY_ADDRESS and self._limits.of_addresses is not None:
            return _ADDRESS, await self._limits.of_addresses.take(client_address(scope, self._limits.trusted_hops))
        return "", None


def _too_many(name: str, verdict: Verdict) -> TooMany:
    rates = " and ".join(f"{standing.amount} in {standing.seconds} s" for standing in verdict.standings)
    told = f"too many requests: each {name} may send {rates}; come back when Retry-After says"
    return TooMany(told, retry_after=timedelta(seconds=verdict.wait_seconds))


def _lines(name: str, standings: tuple[Standing, ...]) -> list[tuple[bytes, bytes]]:
    policy = _listed(name, standings, lambda standing: f"q={standing.amount};w={standing.seconds}")
    left = _listed(name, standings, lambda standing: f"r={standing.left};t={ceil(standing.more_in_seconds)}")
    return [(b"ratelimit-policy", policy), (b"ratelimit", left)]


def _listed(name: str, standings: tuple[Standing, ...], told: Callable[[Standing], str]) -> bytes:
    """A list of structured fields (RFC 9651); each of several windows has a name of its own."""
    if len(standings) == 1:
        return f'"{name}";{told(standings[0])}'.encode()
    return ", ".join(f'"{name}-{standing.seconds}s";{told(standing)}' for standing in standings).encode()
