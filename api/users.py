"""`/users`: one's own profile, those of others for who may see them, and an admin's list and lock."""

import re
from uuid import UUID

import msgspec
from litestar import get, patch, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from litestar.types import Scope
from msgspec import UNSET

from api.account_views import UserList, user_view
from api.callers import caller_of
from api.cursors import Cursors
from api.doers import doer_of
from api.fields import Fields, read_fields, read_nothing
from api.headers import header
from api.pages import Page, link_to_next, read_cursor, read_limit
from api.ports import AccountPorts
from api.provided import Ports, accounts_of
from api.queries import read_query, refuse
from domain.accounts.changing import no_such_user
from domain.accounts.locking import Locks
from domain.accounts.names import read_username
from domain.accounts.profiles import change_profile, read_display_name
from domain.accounts.users import User
from domain.callers import Role
from domain.edge.answers import AnyRequest
from domain.errors import FieldError, Invalid
from domain.request_ids import read_request_id

PRIVATE = {"Cache-Control": "no-store"}  # a browser that kept it would show it to the next one at the same desk

_LISTED = ("users",)
_TAG = re.compile(r'(?:^|,)[ \t]*"(\d{1,9})"[ \t]*(?=,|$)')
_EMAIL = "cannot be changed here: no route changes an address; register anew with the other one"


@get("/users/me")
async def show_me(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """Show the caller's own profile."""
    read_query(request.scope)
    return shown(await find_oneself(request, accounts_of(ports)))


@patch("/users/me")
async def change_me(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """Change one's name or username; with `If-Match`, only where nobody did meanwhile."""
    read_query(request.scope)
    accounts = accounts_of(ports)
    changes = _read_changes(await read_fields(request))
    user = await find_oneself(request, accounts)
    stores = (accounts.users, accounts.audit)
    doer = doer_of(request, accounts)
    return shown(await change_profile(user.id, changes, stores, doer, _versions_asked(request.scope)))


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


def shown(user: User) -> ASGIResponse:
    body = msgspec.json.encode(user_view(user))
    return ASGIResponse(body=body, headers={**PRIVATE, "ETag": f'"{user.version}"'})


def _read_changes(fields: Fields) -> dict[str, str | None]:
    changes: dict[str, str | None] = {}
    fields.refuse("email", _EMAIL)
    name = fields.take("name", str | None, "must be a string, or null for none")
    username = fields.take("username", str | None, "must be a string, or null for none")
    try:
        if name is not UNSET:
            changes["name"] = None if name is None else read_display_name(name)
    except Invalid as fault:
        fields.take_over(fault)
    try:
        if username is not UNSET:
            changes["username"], changes["username_key"] = (None, None) if username is None else read_username(username)
    except Invalid as fault:
        fields.take_over(fault)
    fields.end()
    return changes


def _versions_asked(scope: Scope) -> frozenset[int] | None:
    """Those of `If-Match` (RFC 9110, section 13.1.1); None: any. A tag that is none of ours matches nothing."""
    sent = header(scope, b"if-match")
    return None if sent is None or sent.strip() == "*" else frozenset(int(tag) for tag in _TAG.findall(sent))


def _locks(accounts: AccountPorts) -> Locks:
    return Locks(accounts.users, accounts.sessions, accounts.audit)
