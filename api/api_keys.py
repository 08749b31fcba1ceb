"""`/api-keys`: machine clients' keys, each shown once."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from msgspec import UNSET, UnsetType

from api.account_views import ApiKeyList, api_key_view
from api.callers import caller_of
from api.doers import doer_of
from api.fields import Fields, read_fields, read_nothing
from api.ports import AccountPorts
from api.provided import Ports, accounts_of
from api.queries import read_query
from domain.accounts.api_keys import Scope
from domain.accounts.making_keys import KeyRing, KeyWish, no_such_key
from domain.accounts.profiles import read_display_name
from domain.callers import Role
from domain.edge.answers import AnyRequest
from domain.errors import Invalid
from domain.quotas import REMEDY, is_rate
from domain.request_ids import read_request_id
from domain.submitted_fields import to_milliseconds

FIRST_YEAR_TOO_LATE = 2100  # beyond, a time is a slip of the pen

_TIME = 'must be a time with a zone by RFC 3339, such as "2027-01-31T09:00:00Z"'
_RATE = f"must be a rate; {REMEDY}"
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


@post("/api-keys", status_code=HTTPStatus.CREATED)
async def make_key(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """Make a key and show it, this once."""
    read_query(request.scope)
    accounts = accounts_of(ports)
    doer = doer_of(request, accounts)
    wish = read_wish(await read_fields(request), doer.at)
    key, text = await _ring(accounts).make(wish, caller_of(request), doer)
    body = msgspec.json.encode(api_key_view(key, text))
    return ASGIResponse(body=body, status_code=HTTPStatus.CREATED, headers={"Cache-Control": "no-store"})


@get("/api-keys")
async def list_keys(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """List the caller's keys that are not revoked; an admin's list is everybody's."""
    read_query(request.scope)
    found = await _ring(accounts_of(ports)).list(caller_of(request))
    body = msgspec.json.encode(ApiKeyList([api_key_view(key) for key in found], None))
    return ASGIResponse(body=body, headers={"Cache-Control": "no-store"})


@delete("/api-keys/{key_id:str}", status_code=HTTPStatus.NO_CONTENT)
async def revoke_key(request: AnyRequest, key_id: FromPath[str], ports: Ports) -> None:
    """Void a key."""
    await read_nothing(request)
    accounts = accounts_of(ports)
    asked = read_request_id(key_id)
    if asked is None:
        raise no_such_key()
    await _ring(accounts).revoke(asked, caller_of(request), doer_of(request, accounts))


def read_wish(fields: Fields, now: datetime) -> KeyWish:
    """Raises `Invalid` with every fault."""
    name = _read_name(fields)
    role = fields.take("role", Role, f"must be one of {', '.join(Role)}")
    scopes = fields.take("scopes", list[Scope] | None, f"must be an array of {', '.join(Scope)}")
    if scopes == []:
        scopes = fields.blame("scopes", "must name one at least; leave it out for all that the role may")
    rate = _read_rate(fields)
    expires_at = _read_expiry(fields, now)
    fields.end()
    return KeyWish(
        name=name,
        role=Role.USER if role is UNSET else role,
        scopes=frozenset(scopes) if scopes else None,
        rate=rate or None,
        expires_at=expires_at or None,
    )


def _read_name(fields: Fields) -> str:
    name = fields.require("name", str, "must be a string: what the key is for")
    try:
        return "" if name is UNSET else read_display_name(name)
    except Invalid as fault:
        fields.take_over(fault)
        return ""


def _read_rate(fields: Fields) -> str | None | UnsetType:
    rate: str | None | UnsetType = fields.take("rate", str | None, _RATE)
    if isinstance(rate, str) and not is_rate(rate):
        return fields.blame("rate", _RATE)
    return rate


def _read_expiry(fields: Fields, now: datetime) -> datetime | None | UnsetType:
    moment: datetime | None | UnsetType = fields.take("expires_at", _Moment | None, _TIME)
    if not isinstance(moment, datetime):
        return moment
    if moment.year >= FIRST_YEAR_TOO_LATE:
        return fields.blame("expires_at", f"must be before {FIRST_YEAR_TOO_LATE}; leave it out for a key without end")
    if moment <= now:
        return fields.blame("expires_at", "is in the past; take a later time")
    return to_milliseconds(moment.astimezone(UTC))


def _ring(accounts: AccountPorts) -> KeyRing:
    return KeyRing(accounts.keys, accounts.audit)
