"""
Who is asking, and whether they may: the table of `api.access`, asked of every request. Denied by default.

Pure ASGI: a guard that is no coroutine would cost a thread hop, twenty times what this takes.
"""

from litestar.types import ASGIApp, Receive, Scope, Send

from api.access import rule_of
from api.rules import Door, Rule
from domain.callers import ANONYMOUS, Caller, CallerDirectory
from domain.edge.addresses import client_address
from domain.edge.answers import AnyRequest
from domain.errors import NotFound, Unauthenticated

_KEY = "gateway.caller"
_GATE = "gateway.gate"
_PROXY_HEADERS = frozenset({b"forwarded", b"x-forwarded-for"})


class CallerGate:
    """
    Lets through whom the route's rule admits, and nobody else.

    A wrong token is refused even where anonymous callers are allowed, and a request that came
    through a proxy is never anonymous: there `localhost` says nothing about who sent it.
    """

    def __init__(
        self, app: ASGIApp, directory: CallerDirectory, *, anonymous_allowed: bool, trusted_hops: int = 0
    ) -> None:
        self._app = app
        self._directory = directory
        self._anonymous_allowed = anonymous_allowed
        self._trusted_hops = trusted_hops

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        rule = rule_of(scope["method"], scope["path_template"])  # type: ignore[typeddict-item]  # HTTP: all we serve
        if rule is None:  # somebody added a route, and nobody said who may
            raise NotFound("nothing is served under this path; /docs lists what is")
        if not rule.is_open:
            caller = await self._identify(scope, rule)
            rule.admit(caller)
            scope[_KEY] = caller  # type: ignore[literal-required]  # ASGI lets an app add keys of its own
            scope[_GATE] = self  # type: ignore[literal-required]
        await self._app(scope, receive, send)

    async def ask_again(self, scope: Scope) -> None:
        """Raises `Unauthenticated` where the caller of this request is nobody by now, or not what they were."""
        rule = rule_of(scope["method"], scope["path_template"])  # type: ignore[typeddict-item]
        if rule is None or await self._identify(scope, rule) != caller_in(scope):
            raise _unknown()

    async def _identify(self, scope: Scope, rule: Rule) -> Caller:
        credentials = [value for name, value in scope["headers"] if name == b"authorization"]
        if not credentials:
            return self._without_credentials(scope, rule)
        scheme, _, token = credentials[0].decode("latin-1").partition(" ")
        if len(credentials) > 1 or scheme.lower() != "bearer":
            raise _unknown()
        caller = await self._directory.find(token.strip(), client_address(scope, self._trusted_hops))
        if caller is None:
            raise _unknown()
        return caller

    def _without_credentials(self, scope: Scope, rule: Rule) -> Caller:
        if not self._anonymous_allowed or rule.door is not Door.LENIENT:
            raise Unauthenticated("credentials are needed; send Authorization: Bearer <token or key>")
        if any(name in _PROXY_HEADERS for name, _ in scope["headers"]):
            raise Unauthenticated("credentials are needed through a proxy; send Authorization: Bearer <token or key>")
        return ANONYMOUS


def caller_of(request: AnyRequest) -> Caller:
    """The caller that the gate found; an open route has none, and asking there is a bug."""
    caller: Caller = request.scope[_KEY]  # type: ignore[literal-required]
    return caller


async def ask_again(request: AnyRequest) -> None:
    """
    For an answer that goes on for long: whether the gate would let the same request in now.

    Raises `Unauthenticated` where it would not, and `Unavailable` where a store must be asked and is away.
    """
    gate: CallerGate = request.scope[_GATE]  # type: ignore[literal-required]
    await gate.ask_again(request.scope)


def caller_in(scope: Scope) -> Caller | None:
    """The same, for who stands behind the gate on every route; None on an open one."""
    caller: Caller | None = scope.get(_KEY)  # type: ignore[assignment]
    return caller


def _unknown() -> Unauthenticated:
    return Unauthenticated("nobody here has these credentials; send Authorization: Bearer <token or key>")
