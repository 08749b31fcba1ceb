"""`/config/{service}`: a service reads its configuration, and hears of a change; admins change it and look back."""

import asyncio
import re
from dataclasses import dataclass
from http import HTTPStatus

import msgspec
from litestar import get, put
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.callers import ask_again, caller_of
from api.configuration_views import ConfigurationHistory, version_view
from api.cursors import Cursors
from api.doers import doer_of
from api.fields import LONG_BODY
from api.headers import header, known_tags, tags_asked, wait_asked
from api.pages import Page, link_to_next, read_cursor, read_limit
from api.provided import Ports, accounts_of, configurations_of
from api.queries import read_query, refuse
from domain.configurations import (
    LARGEST,
    Change,
    Changing,
    Configuration,
    Configurations,
    Version,
    no_such_configuration,
    read_own_name,
    read_service_name,
    read_text,
)
from domain.edge.answers import AnyRequest
from domain.edge.bodies import read_body, require_json
from domain.errors import FieldError, Unconditional

PRIVATE = {"Cache-Control": "private, no-cache"}

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_TAG = re.compile(r'"([1-9][0-9]{0,8})"')


@get("/config/{service:str}")
async def show_configuration(request: AnyRequest, service: FromPath[str], ports: Ports) -> ASGIResponse:
    """Show the newest version as it was put or, for who would rather wait, the next one when it is there."""
    read_query(request.scope)
    name = read_own_name(service, caller_of(request))
    look = Look(configurations_of(ports), known_tags(request.scope))
    seconds = wait_asked(request.scope)
    found = await look.see(name, seconds or 0)
    if seconds is not None:
        await ask_again(request)  # a lock or a revocation does not wait for who waits
    return look.answer(found, seconds)


@put("/config/{service:str}")
async def put_configuration(request: AnyRequest, service: FromPath[str], ports: Ports) -> ASGIResponse:
    """Make the next version; with `If-None-Match: *` the first."""
    read_query(request.scope)
    name, tags, new = read_service_name(service), *_read_condition(request)
    require_json(request.scope)
    body = await read_body(request.scope, request.receive, largest=LARGEST)
    text = read_text(body) if len(body) <= LONG_BODY else await asyncio.to_thread(read_text, body)
    accounts = accounts_of(ports)
    changing = Changing(configurations_of(ports), accounts.audit)
    changed = await changing.put(Change(name, text, tags, new), doer_of(request, accounts))
    return _receipt(changed.configuration.about, created=changed.created)


@get("/config/{service:str}/history")
async def list_versions(request: AnyRequest, service: FromPath[str], ports: Ports) -> ASGIResponse:
    """List its versions, newest first, without their values."""
    query = read_query(request.scope, "limit", "cursor")
    name = read_service_name(service)
    faults: list[FieldError] = []
    limit = read_limit(query, faults)
    refuse(faults)
    cursors, listed = Cursors(ports.cursor_secret), ("config", name)
    before = read_cursor(query, cursors, listed)
    found = await configurations_of(ports).list(name, limit + 1, None if before is None else before.int)
    if not found and before is None:
        raise no_such_configuration()
    page = Page.of(found, limit, cursors, listed)
    body = msgspec.json.encode(ConfigurationHistory([version_view(one) for one in page.items], page.next_cursor))
    return ASGIResponse(
        body=body, headers={**PRIVATE, **link_to_next(f"/config/{name}/history", query, page.next_cursor)}
    )


@get("/config/{service:str}/history/{version:str}")
async def show_version(
    request: AnyRequest, service: FromPath[str], version: FromPath[str], ports: Ports
) -> ASGIResponse:
    """Show one version as it was put."""
    read_query(request.scope)
    name = read_service_name(service)
    found = None
    if _NUMBER.fullmatch(version):
        found = await configurations_of(ports).find_version(name, int(version))
    return Look(configurations_of(ports), known_tags(request.scope)).answer(found, None)


@dataclass(frozen=True, slots=True)
class Look:
    """One client's look at a configuration, and the versions of it that the client has."""

    configurations: Configurations
    tags: frozenset[str]

    async def see(self, service: str, seconds: int) -> Configuration | None:
        """The newest; for who has that one, or where there is none, what comes next within these seconds."""
        found = await self.configurations.find(service, self._least())
        if seconds and (found is None or self._has(found)):
            number = 0 if found is None else found.number
            found = await self.configurations.wait_for_change(service, number, seconds)
        return found

    def answer(self, found: Configuration | None, waited: int | None) -> ASGIResponse:
        """Raises `NotFound`."""
        if found is None:
            raise no_such_configuration()
        headers = {**PRIVATE, "ETag": found.about.tag}
        if waited is not None:
            headers["Preference-Applied"] = f"wait={waited}"
        if self._has(found):
            return ASGIResponse(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return ASGIResponse(body=found.text.encode(), headers=headers)

    def _has(self, found: Configuration) -> bool:
        return "*" in self.tags or found.about.tag in self.tags

    def _least(self) -> int:
        """What the client has already: nothing older is for it."""
        return max((int(tag[1]) for tag in map(_TAG.fullmatch, self.tags) if tag), default=0)


def _read_condition(request: AnyRequest) -> tuple[frozenset[str] | None, bool]:
    """What `If-Match` names (None: any version), and whether there must be none. Raises `Unconditional`."""
    matches = header(request.scope, b"if-match") is not None
    creates = "*" in known_tags(request.scope)
    if matches and creates:
        return frozenset(), False  # the two are never true together: meant for no version at all
    if not matches and not creates:
        remedy = "is missing; send the ETag that GET shows, or If-None-Match: * to put the first version"
        raise Unconditional(f"If-Match {remedy}", errors=(FieldError("/headers/If-Match", remedy),))
    return tags_asked(request.scope), creates


def _receipt(version: Version, *, created: bool) -> ASGIResponse:
    headers = {**PRIVATE, "ETag": version.tag, **({"Location": f"/config/{version.service}"} if created else {})}
    status = HTTPStatus.CREATED if created else HTTPStatus.OK
    return ASGIResponse(body=msgspec.json.encode(version_view(version)), status_code=status, headers=headers)
