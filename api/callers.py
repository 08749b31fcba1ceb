"""
Who is asking, and whether they may: the table of `api.access`, asked of every request. Denied by default.

Pure ASGI: a guard that is no coroutine would cost a thread hop, twenty times what this takes.
"""

from datetime import datetime

import structlog
from litestar.types import ASGIApp, Receive, Scope, Send

from api.access import SERVICE_RULES, SHOWN_TO_PUBLIC, rule_of
from api.rules import Door, Rule
from domain.callers import ANONYMOUS, Caller, CallerDirectory
from domain.edge.addresses import client_address
from domain.edge.answers import AnyRequest
from domain.edge.hosts import is_safe_host
from domain.edge.request_ids import request_id_of
from domain.errors import Forbidden, NotFound, Unauthenticated
from domain.service_paths import split_path
from domain.services import Access, Services

_KEY = "gateway.caller"
_GATE = "gateway.gate"
_OF_PROXIES = frozenset({b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"})

log = structlog.get_logger()


class CallerGate:
    """
    Lets through whom the route's rule admits, and nobody else.

    A wrong token is refused even where anonymous callers are allowed, and a request that came
    through a proxy is never anonymous: there `localhost` says nothing about who sent it. Nor is
    one under a name that anybody may point here, but for `own_hosts`: see `domain.edge.hosts`.
    """

    def __init__(  # noqa: PLR0913 - each is a part of the one question
        self,
        app: ASGIApp,
        directory: CallerDirectory,
        *,
        anonymous_allowed: bool,
        trusted_hops: int = 0,
        own_hosts: frozenset[str] = frozenset(),
        services: Services | None = None,
    ) -> None:
        self._app = app
        self._directory = directory
        self._anonymous_allowed = anonymous_allowed
        self._trusted_hops = trusted_hops
        self._own_hosts = own_hosts
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        rule = rule_of(scope["method"], scope["path_template"])  # type: ignore[typeddict-item]  # HTTP: all we serve
        if rule is None:  # somebody added a route, and nobody said who may
            raise NotFound("nothing is served under this path; /docs lists what is")
        if rule.door is Door.SERVICE:
            rule = self._rule_of_service(scope)
        if not rule.is_open:
            caller = await self._identify(scope, rule)
            if rule is not SHOWN_TO_PUBLIC:
                _admit(caller, rule, scope)
            scope[_KEY] = caller  # type: ignore[literal-required]  # ASGI lets an app add keys of its own
            scope[_GATE] = self  # type: ignore[literal-required]
        await self._app(scope, receive, send)

    async def ask_again(self, scope: Scope, begun: datetime | None = None) -> None:
        """Raises `Unauthenticated` where the caller of this request is nobody by now, or not what they were."""
        rule = rule_of(scope["method"], scope["path_template"])  # type: ignore[typeddict-item]
        if rule is None or await self._identify(scope, rule, begun) != caller_in(scope):
            raise _unknown()

    def _rule_of_service(self, scope: Scope) -> Rule:
        """
        As its table says. Where there is none, callers must be known: 401 and 404 tell nobody which services there are.

        A public service may be asked with credentials, which must then be good, but where they are the service's own.
        """
        name, _ = split_path(scope["raw_path"])
        policy = None if self._services is None else self._services.policy(name)
        if policy is None:
            return SERVICE_RULES[Access.AUTHENTICATED]
        if policy.access is not Access.PUBLIC:
            return SERVICE_RULES[policy.access]
        shows_some = any(header == b"authorization" for header, _ in scope["headers"])
        return SHOWN_TO_PUBLIC if shows_some and not policy.forward_authorization else SERVICE_RULES[Access.PUBLIC]

    async def _identify(self, scope: Scope, rule: Rule, begun: datetime | None = None) -> Caller:
        credentials = [value for name, value in scope["headers"] if name == b"authorization"]
        if not credentials:
            return self._without_credentials(scope, rule)
        scheme, _, token = credentials[0].decode("latin-1").partition(" ")
        if len(credentials) > 1 or scheme.lower() != "bearer":
            raise _unknown()
        caller = await self._directory.find(token.strip(), client_address(scope, self._trusted_hops), begun)
        if caller is None:
            raise _unknown()
        return caller

    def _without_credentials(self, scope: Scope, rule: Rule) -> Caller:
        if not self._anonymous_allowed or rule.door is not Door.LENIENT:
            raise Unauthenticated("credentials are needed; send Authorization: Bearer <token or key>")
        if any(name in _OF_PROXIES for name, _ in scope["headers"]):
            raise Unauthenticated("credentials are needed through a proxy; send Authorization: Bearer <token or key>")
        if not is_safe_host(scope, self._own_hosts):
            raise Unauthenticated(
                "credentials are needed under this host name; send Authorization: Bearer <token or key>, "
                "or set GATEWAY_PUBLIC_URL to it"
            )
        return ANONYMOUS


def caller_of(request: AnyRequest) -> Caller:
    """The caller that the gate found; an open route has none, and asking there is a bug."""
    caller: Caller = request.scope[_KEY]  # type: ignore[literal-required]
    return caller


async def ask_again(request: AnyRequest, begun: datetime | None = None) -> None:
    """
    For an answer that goes on for long: whether the gate would let the same request in now.

    One that has `begun` then may outlive its token, but no session, key or account. Raises `Unauthenticated` where it
    would not, and `Unavailable` where a store must be asked and is away.
    """
    gate: CallerGate = request.scope[_GATE]  # type: ignore[literal-required]
    await gate.ask_again(request.scope, begun)


def caller_in(scope: Scope) -> Caller | None:
    """The same, for who stands behind the gate on every route; None on an open one."""
    caller: Caller | None = scope.get(_KEY)  # type: ignore[assignment]
    return caller


def _admit(caller: Caller, rule: Rule, scope: Scope) -> None:
    """Raises `Forbidden`, once it stands in the log: who tries what they may not is worth a look (ASVS 5.0, 16.3.2)."""
    try:
        rule.admit(caller)
    except Forbidden as refusal:
        route = f"{scope['method']} {scope['path_template']}"  # type: ignore[typeddict-item]
        log.info("refused", client=caller.client, route=route, code=refusal.code, trace_id=request_id_of(scope))
        raise


def _unknown() -> Unauthenticated:
    return Unauthenticated("nobody here has these credentials; send Authorization: Bearer <token or key>")
