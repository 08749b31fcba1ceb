"""`/auth`: registering, confirming, signing in and out. Nothing redirects, and nobody is told who has an account."""

from functools import partial
from http import HTTPStatus

from litestar import post, put
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from litestar.types import Scope

from api.auth_answers import cookie_of, issued, told, told_and_forgotten
from api.auth_bodies import read_credentials, read_refresh_token, read_registration
from api.auth_cases import changing_addresses, confirming, refreshing, registering, signing_in, signing_out
from api.doers import visitor_of
from api.fields import fields_of, read_fields, read_nothing
from api.headers import header
from api.provided import Ports, accounts_of
from api.queries import query_fault, read_query, refuse
from domain.edge.answers import AnyRequest
from domain.edge.bodies import read_body, require_json
from domain.edge.origins import refuse_foreign_origin
from domain.errors import Unauthenticated

_MOVED = "the address is changed, and every session has ended; sign in with it"
LONGEST_AGENT = 200  # characters of what a client calls itself


@post("/auth/register", status_code=HTTPStatus.CREATED)
async def register(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """Make an account, or tell its owner by mail that there is one: the answer is the same."""
    read_query(request.scope)
    accounts = accounts_of(ports)
    wanted = read_registration(await read_fields(request))
    case, doer = registering(accounts), visitor_of(request, accounts)
    registered = await case.register(wanted, doer)
    message = "we sent a mail to this address; follow its link, and sign in"
    return told(message, status=HTTPStatus.CREATED, later=partial(case.follow_up, registered, doer))


@put("/auth/confirmation/{token:str}")
async def confirm(request: AnyRequest, token: FromPath[str], ports: Ports) -> ASGIResponse:
    """Take a mailed link as the proof that an address is its user's, the first one or another."""
    await read_nothing(request)
    accounts = accounts_of(ports)
    moving, doer = changing_addresses(accounts), visitor_of(request, accounts)
    if moving.is_asked_by(token):
        moved = await moving.confirm(token, doer)
        return told_and_forgotten(_MOVED, later=partial(moving.tell, moved))
    await confirming(accounts).confirm(token, doer)
    return told("the address is confirmed; sign in")


@post("/auth/login", status_code=HTTPStatus.OK)
async def sign_in(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """Begin a session."""
    by_cookie = _wants_cookie(request.scope)
    accounts = accounts_of(ports)
    refuse_foreign_origin(request.scope, accounts.origins)
    shown = read_credentials(await read_fields(request), _agent(request.scope))
    tokens = await signing_in(accounts).sign_in(shown, visitor_of(request, accounts))
    return issued(tokens, by_cookie=by_cookie)


@post("/auth/refresh-token", status_code=HTTPStatus.OK)
async def refresh(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """Give the next tokens, on the way by which the newest one came: the body's wins over the cookie's."""
    read_query(request.scope)
    accounts = accounts_of(ports)
    refuse_foreign_origin(request.scope, accounts.origins)
    in_body = await _token_in_body(request)
    token = in_body or cookie_of(request)
    if token is None:
        raise Unauthenticated("a refresh token is needed, in the cookie or as refresh_token; sign in")
    tokens = await refreshing(accounts).refresh(token, visitor_of(request, accounts))
    return issued(tokens, by_cookie=in_body is None)


@put("/auth/logout")
async def sign_out(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """End the session that the tokens speak of, whichever of them is there; done twice it changes nothing more."""
    read_query(request.scope)
    accounts = accounts_of(ports)
    refuse_foreign_origin(request.scope, accounts.origins)
    refresh_token = await _token_in_body(request) or cookie_of(request)
    access_token = _bearer(request.scope)
    await signing_out(accounts).sign_out(access_token, refresh_token, visitor_of(request, accounts))
    return told_and_forgotten("signed out")


async def _token_in_body(request: AnyRequest) -> str | None:
    body = await read_body(request.scope, request.receive)
    if not body:
        return None
    require_json(request.scope)
    return read_refresh_token(await fields_of(body))


def _wants_cookie(scope: Scope) -> bool:
    asked = read_query(scope, "cookie").get("cookie", "true")
    if asked not in ("true", "false"):
        refuse([query_fault("cookie", "must be true, or false for the refresh token in the body")])
    return asked == "true"


def _agent(scope: Scope) -> str:
    sent = header(scope, b"user-agent") or ""
    return "".join(filter(str.isprintable, sent))[:LONGEST_AGENT]


def _bearer(scope: Scope) -> str | None:
    scheme, _, token = (header(scope, b"authorization") or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
