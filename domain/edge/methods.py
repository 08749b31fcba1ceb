"""Which methods a path takes, as `Allow` tells it (RFC 9110, section 10.2.1)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from http import HTTPStatus

from litestar import route
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse


def allow(methods: Iterable[str]) -> str:
    """The header's value: HEAD is taken wherever GET is, and OPTIONS everywhere."""
    taken = {str(method) for method in methods} | {"OPTIONS"}
    return ", ".join(sorted(taken | {"HEAD"} if "GET" in taken else taken))


def options_routes(handlers: Sequence[HTTPRouteHandler]) -> list[HTTPRouteHandler]:
    """
    The answer to OPTIONS for every path of `handlers` that does not take it itself.

    Litestar's own names the methods of the handler that the path got first, and leaves the others out. It makes
    none where there is one already, so these come before the handlers.
    """
    taken: defaultdict[str, set[str]] = defaultdict(set)
    for handler in handlers:
        for path in handler.paths:
            taken[path] |= handler.http_methods
    ours = {path: methods for path, methods in taken.items() if HttpMethod.OPTIONS not in methods}
    return [_options(path, allow(methods)) for path, methods in ours.items()]


def _options(path: str, allowed: str) -> HTTPRouteHandler:
    @route(path, http_method=[HttpMethod.OPTIONS])
    async def tell_methods() -> ASGIResponse:
        return ASGIResponse(status_code=HTTPStatus.NO_CONTENT, headers={"Allow": allowed})

    return tell_methods
