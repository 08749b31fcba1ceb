"""`/users`: one's own profile, those of others for who may see them, and an admin's list and lock."""

import re
from functools import partial
from uuid import UUID

import msgspec
from litestar import get, patch, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from litestar.types import Scope

from api.account_views import UserList, user_view
from api.auth_answers import Later, behind
from api.auth_cases import changing_addresses
from api.callers import caller_of
from api.cursors import Cursors
from api.doers import doer_of
from api.fields import read_fields, read_nothing
from api.headers import header
from api.pages import Page, link_to_next, read_cursor, read_limit
from api.ports import AccountPorts
from api.profile_bodies import read_changes
from api.provided import Ports, accounts_of
from api.queries import read_query, refuse
from domain.accounts.changing import no_such_user
from domain.accounts.locking import Locks
from domain.accounts.profiles import Changes, change_profile
from domain.accounts.users import User
from domain.callers import Role
from domain.edge.answers import AnyRequest
from domain.errors import FieldError
from domain.request_ids import read_request_id

PRIVATE = {"Cache-Control": "no-store"}  # a browser that kept it would show it to the next one at the same desk

_LISTED = ("users",)
_TAG = re.compile(r'(?:^|,)[ \t]*"(\d{1,9})"[ \t]*(?=,|$)')


@get("/users/me")
async def show_me(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """Show the caller's own profile."""
    read_query(request.scope)
    return shown(await find_oneself(request, accounts_of(ports)))


@patch("/users/me")
async def change_me(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """Change one's name or username, or ask for another address; with `If-Match`, only where nobody did meanwhile."""
    read_query(request.scope)
    accounts = accounts_of(ports)
    changes, address = read_changes(await read_fields(request))
    user, doer = await find_oneself(request, accounts), doer_of(request, accounts)
    stores, versions = (accounts.users, accounts.audit), _versions_asked(request.scope)
    if address is None:
        return shown(await change_profile(user.id, changes, stores, doer, versions))
    moving = changing_addresses(accounts)
    wished: Changes = {**changes, "pending": await moving.begin(user, address, doer)}
    user = await change_profile(user.id, wished, stores, doer, versions)
    await moving.tell_of_wish(user)
    return shown(user, later=partial(moving.follow_up, user, doer))


@get("/users/{user_id:str}")
async def show_user(request: AnyRequest, user_id: FromPath[str], ports: Ports) -> ASGIResponse:
    """Show a user: oneself, or for services and admins anybody."""
    read_query(request.scope)
    caller = caller_of(request)
    asked = read_user_id(user_id)
    if caller.role is Role.USER and asked != caller.user:
        raise no_such_user()
    user = await accounts_of(ports).users.find(asked)
    if user is None:
        raise no_such_user()
    return shown(user)


@get("/users")
async def list_users(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """List all users, newest first."""
    query = read_query(request.scope, "limit", "cursor")
    faults: list[FieldError] = []
    limit = read_limit(query, faults)
    refuse(faults)
    cursors = Cursors(ports.cursor_secret)
    found = await accounts_of(ports).users.list(limit + 1, read_cursor(query, cursors, _LISTED))
    page = Page.of(found, limit, cursors, _LISTED)
    body = msgspec.json.encode(UserList([user_view(user) for user in page.items], page.next_cursor))
    return ASGIResponse(body=body, headers={**PRIVATE, **link_to_next("/users", query, page.next_cursor)})


@post("/users/{user_id:str}/lock", status_code=200)
async def lock_user(request: AnyRequest, user_id: FromPath[str], ports: Ports) -> ASGIResponse:
    """Shut a user out and end all their sessions. Done twice it changes nothing more."""
    await read_nothing(request)
    accounts = accounts_of(ports)
    return shown(await _locks(accounts).lock(read_user_id(user_id), doer_of(request, accounts)))


@post("/users/{user_id:str}/unlock", status_code=200)
async def unlock_user(request: AnyRequest, user_id: FromPath[str], ports: Ports) -> ASGIResponse:
    """Let a user in again, who has to sign in anew."""
    await read_nothing(request)
    accounts = accounts_of(ports)
    return shown(await _locks(accounts).unlock(read_user_id(user_id), doer_of(request, accounts)))


async def find_oneself(request: AnyRequest, accounts: AccountPorts) -> User:
    """Raises `NotFound` for somebody who has just left, and for a caller who is nobody."""
    user_id = caller_of(request).user
    user = None if user_id is None else await accounts.users.find(user_id)
    if user is None:
        raise no_such_user()
    return user


def read_user_id(text: str) -> UUID:
    """Raises `NotFound`: what is no id names no user."""
    user_id = read_request_id(text)
    if user_id is None:
        raise no_such_user()
    return user_id


def shown(user: User, later: Later | None = None) -> ASGIResponse:
    """`later` is done behind the answer's back."""
    body = msgspec.json.encode(user_view(user))
    return ASGIResponse(body=body, headers={**PRIVATE, "ETag": f'"{user.version}"'}, background=behind(later))


def _versions_asked(scope: Scope) -> frozenset[int] | None:
    """Those of `If-Match` (RFC 9110, section 13.1.1); None: any. A tag that is none of ours matches nothing."""
    sent = header(scope, b"if-match")
    return None if sent is None or sent.strip() == "*" else frozenset(int(tag) for tag in _TAG.findall(sent))


def _locks(accounts: AccountPorts) -> Locks:
    return Locks(accounts.users, accounts.sessions, accounts.audit)
