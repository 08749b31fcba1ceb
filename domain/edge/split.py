"""Two apps behind one port: the composition root's way to serve the API and the webhook receiver together."""

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send


class SplitByPath:
    """
    Sends `prefix` and what is below it to `below`, everything else to `otherwise`.

    Each app keeps its own rules (who may call, what a problem looks like). Lifespan goes to
    `otherwise` alone: the composition root opens what either needs, and no app has one of its own.
    """

    def __init__(self, prefix: str, below: ASGIApp, otherwise: ASGIApp) -> None:
        self._prefix = prefix
        self._below = below
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == ScopeType.HTTP else ""
        inside = path == self._prefix or path.startswith(self._prefix + "/")
        await (self._below if inside else self._otherwise)(scope, receive, send)
