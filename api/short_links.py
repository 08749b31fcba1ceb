"""`GET /r/{code}`: sends a browser on to the payment page that the code stands for."""

from functools import partial
from http import HTTPStatus

from litestar import get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.auth_answers import behind
from api.provided import Ports, short_links_of
from domain.commerce.short_links import is_code
from domain.edge.answers import AnyRequest
from domain.edge.request_ids import asks_for_the_head
from domain.errors import NotFound
from domain.submitted_fields import to_milliseconds

_ON = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}  # the page beyond learns of no code


@get("/r/{code:str}")
async def follow(request: AnyRequest, code: FromPath[str], ports: Ports) -> ASGIResponse:
    """Follow a short link. What mail programs hang onto it as a query is not looked at, and HEAD is not counted."""
    desk = short_links_of(ports)
    url = await desk.links.find(code, to_milliseconds(desk.clock())) if is_code(code) else None
    if url is None:
        raise NotFound("this link leads nowhere, or no longer does; ask for a new one where you got it")
    counted = None if asks_for_the_head(request.scope) else partial(desk.links.count, code)
    return ASGIResponse(status_code=HTTPStatus.FOUND, headers={**_ON, "Location": url}, background=behind(counted))
