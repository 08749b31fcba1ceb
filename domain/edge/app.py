"""The Litestar app that both servers start from: our own problems, and no framework middleware."""

from collections.abc import Mapping, Sequence

from litestar import Litestar
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Middleware

from domain.edge.answers import exception_handlers
from domain.edge.cors import Cors
from domain.edge.methods import options_routes
from domain.edge.request_ids import RequestIds
from domain.edge.security import USUAL, BrowserRules, SecurityHeaders
from domain.tallies import Tallies


def build_edge(
    routes: Sequence[HTTPRouteHandler],
    *,
    dependencies: Mapping[str, Provide] | None = None,
    middleware: Sequence[Middleware] = (),
    browsers: BrowserRules = USUAL,
    counts: Tallies | None = None,
) -> ASGIApp:
    """
    An ASGI app with a request id and what protects browsers on every answer, the router's own included.

    Answers are counted in `counts`, where some are given.
    """
    app: ASGIApp = Litestar(
        [*options_routes(routes), *routes],
        dependencies=dict(dependencies or {}),
        middleware=list(middleware),
        exception_handlers=exception_handlers(),
        openapi_config=None,  # the document is our own: see docs/adr
        logging_config=None,
        debug=False,
    )
    if browsers.origins:
        app = Cors(app, browsers.origins, routes)
    return RequestIds(SecurityHeaders(app, browsers), counts)
