"""
Who is asking. Denied by default: a route that is not in `PUBLIC` gets a `Caller`, or is not reached.

Pure ASGI: a guard that is no coroutine would cost a thread hop, twenty times what this takes.
"""

from litestar.types import ASGIApp, Receive, Scope, Send

from api.ports import CallerDirectory
from domain.callers import ANONYMOUS, Caller
from domain.edge.answers import AnyRequest
from domain.errors import Unauthenticated

PUBLIC = frozenset(  # path templates, as the router knows them
    {
        "/health",
        "/health/live",
        "/health/ready",
        "/health/{part}",
        "/docs",
        "/docs/static/{name}",
        "/openapi.json",
    }
)

_KEY = "gateway.caller"
_PROXY_HEADERS = frozenset({b"forwarded", b"x-forwarded-for"})


class CallerGate:
    """
    Lets a known caller through, and nobody else.

    A wrong token is refused even where anonymous callers are allowed, and a request that came
    through a proxy is never anonymous: there `localhost` says nothing about who sent it.
    """

    def __init__(self, app: ASGIApp, directory: CallerDirectory, *, anonymous_allowed: bool) -> None:
        self._app = app
        self._directory = directory
        self._anonymous_allowed = anonymous_allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path_template"] not in PUBLIC:
            scope[_KEY] = self._identify(scope)  # type: ignore[literal-required]  # ASGI lets an app add keys of its own
        await self._app(scope, receive, send)

    def _identify(self, scope: Scope) -> Caller:
        credentials = [value for name, value in scope["headers"] if name == b"authorization"]
        if not credentials:
            return self._without_credentials(scope)
        scheme, _, token = credentials[0].decode("latin-1").partition(" ")
        caller = self._directory.find(token.strip()) if scheme.lower() == "bearer" else None
        if caller is None or len(credentials) > 1:
            raise Unauthenticated("nobody here has these credentials; send Authorization: Bearer <key>")
        return caller

    def _without_credentials(self, scope: Scope) -> Caller:
        if not self._anonymous_allowed:
            raise Unauthenticated("credentials are needed; send Authorization: Bearer <key>")
        if any(name in _PROXY_HEADERS for name, _ in scope["headers"]):
            raise Unauthenticated("credentials are needed through a proxy; send Authorization: Bearer <key>")
        return ANONYMOUS


def caller_of(request: AnyRequest) -> Caller:
    """The caller that the gate found; a route outside it has none, and that is a bug."""
    caller: Caller = request.scope[_KEY]  # type: ignore[literal-required]
    return caller
