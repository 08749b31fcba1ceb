"""
What `/auth` answers: a sentence, or tokens. None of it may be kept by anybody on the way.

The refresh token goes into a cookie that no script can read and no other site's page can send (RFC 6265bis), or into
the body, for clients that keep no cookies.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

import msgspec
import structlog
from litestar.background_tasks import BackgroundTask
from litestar.response.base import ASGIResponse
from msgspec import UNSET, UnsetType

from api.cookies import cookie_in
from domain.accounts.issuing import Issued
from domain.edge.answers import AnyRequest
from domain.errors import GatewayError

COOKIE = "gateway_refresh"
COOKIE_PATH = "/auth"
UNKEPT = {"Cache-Control": "no-store"}

_ATTRIBUTES = f"Path={COOKIE_PATH}; HttpOnly; Secure; SameSite=Strict"

Later = Callable[[], Awaitable[None]]

log = structlog.get_logger()


class Told(msgspec.Struct, frozen=True):
    """What was done, and what to do next."""

    message: str


class TokenView(msgspec.Struct, frozen=True, omit_defaults=True):
    """`refresh_token` stands here where it is not in the cookie."""

    token: str
    token_type: str
    expires_in: int  # seconds
    refresh_token: str | UnsetType = UNSET


def told(message: str, *, status: HTTPStatus = HTTPStatus.OK, later: Later | None = None) -> ASGIResponse:
    """`later` is done behind the answer's back, so that nobody can tell by the time how much there was to do."""
    body = msgspec.json.encode(Told(message))
    return ASGIResponse(body=body, status_code=status, headers=UNKEPT, background=behind(later))


def told_and_forgotten(message: str, *, later: Later | None = None) -> ASGIResponse:
    """The same, and the cookie is taken back."""
    answer = told(message, later=later)
    answer.headers.add("Set-Cookie", f"{COOKIE}=; Max-Age=0; {_ATTRIBUTES}")
    return answer


def issued(tokens: Issued, *, by_cookie: bool) -> ASGIResponse:
    seconds = int(tokens.expires_in.total_seconds())
    in_body = UNSET if by_cookie else tokens.refresh_token
    view = TokenView(tokens.access_token, "Bearer", seconds, in_body)
    answer = ASGIResponse(body=msgspec.json.encode(view), headers=UNKEPT)
    if by_cookie:
        lasts = int(tokens.lasts.total_seconds())
        answer.headers.add("Set-Cookie", f"{COOKIE}={tokens.refresh_token}; Max-Age={lasts}; {_ATTRIBUTES}")
    return answer


def cookie_of(request: AnyRequest) -> str | None:
    return cookie_in(request.scope, COOKIE)


def behind(later: Later | None) -> BackgroundTask | None:
    """What an answer does when it is out."""
    return None if later is None else BackgroundTask(_do_quietly, later)


async def _do_quietly(later: Later) -> None:
    """The answer is out: what cannot be done now is asked for again, by whom it was promised to."""
    try:
        await later()
    except GatewayError as fault:
        log.warning("what was to be done after an answer was not", code=fault.code)
