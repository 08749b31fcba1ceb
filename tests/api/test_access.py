"""Who may do what: the table covers every route, the page says the same, and so does the API when everybody calls."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Response

from api.access import ACCESS
from api.openapi import build_document
from api.rules import Door, May, Rule
from domain.accounts.api_keys import Scope
from domain.callers import ANONYMOUS, Caller, Role
from domain.errors import Forbidden
from tests.api.access_page import PAGE, draw_page, known, nobody
from tests.api.everybody import Somebody, Town, key_caller, somebody
from tests.fakes import FakeCallers

ALICE, BOB = somebody("alice"), somebody("bob")
MACHINE, ROOT = somebody("machine", Role.SERVICE), somebody("root", Role.ADMIN)
KEYS = {
    Role.USER: key_caller(Role.USER, client=ALICE.user.client, user=ALICE.user.id),
    Role.SERVICE: key_caller(Role.SERVICE, client=MACHINE.client),
    Role.ADMIN: key_caller(Role.ADMIN, client=ROOT.user.client, user=ROOT.user.id),
}
ROUTES = sorted(ACCESS)


def narrowed(role: Role, *scopes: Scope) -> Caller:
    whole = KEYS[role]
    return Caller(whole.client, role, user=whole.user, key=whole.key, scopes=frozenset(scopes))


def callers() -> Iterator[tuple[str, Caller]]:
    yield from {"alice": ALICE.caller, "bob": BOB.caller, "root": ROOT.caller}.items()
    yield "operator", Caller("admin", Role.ADMIN)
    for role, whole in KEYS.items():
        yield f"{role}-key", whole
        for scope in Scope:
            yield f"{role}-only-{scope}", narrowed(role, scope)
            yield f"{role}-all-but-{scope}", narrowed(role, *(other for other in Scope if other is not scope))
        yield f"{role}-every-scope", narrowed(role, *Scope)


@pytest.fixture(scope="module")
def town() -> Town:
    return Town(FakeCallers(**dict(callers())), ALICE, BOB, MACHINE, ROOT)


@pytest.fixture
async def http(town: Town) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(transport=ASGITransport(town.app), base_url="http://gateway.test") as client:  # type: ignore[arg-type]
        yield client


def test_the_page_says_what_the_table_says() -> None:
    """`make openapi` rewrites it; the difference belongs in the review."""
    assert PAGE.read_text() == draw_page()


def test_every_route_that_is_served_has_a_row_and_every_row_a_route(town: Town) -> None:
    assert town.routes == set(ACCESS)


def test_every_operation_of_the_document_has_a_row_and_says_the_same() -> None:
    for path, operations in build_document()["paths"].items():
        for method, told in operations.items():
            rule = ACCESS[method.upper(), path]
            without: dict[Door, Any] = {Door.OPEN: [], Door.SIGNED: [], Door.LENIENT: [{"bearer": []}, {}]}
            without[Door.SERVICE] = without[Door.LENIENT]
            assert told["security"] == without.get(rule.door, [{"bearer": []}]), (method, path)
            assert rule.is_open or {"401", "403", "503"} <= set(told["responses"]), (method, path)


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_everybody_is_answered_as_the_table_says(town: Town, http: AsyncClient, method: str, path: str) -> None:
    rule = ACCESS[method, path]
    user, other, service, admin = known(rule, path)
    for token, cell, theirs in (
        (None, nobody(rule), ALICE),
        ("alice", user, ALICE),
        ("bob", other, ALICE),
        (f"{Role.SERVICE}-key", service, MACHINE if service == "own" else ALICE),
        ("root", admin, ROOT if admin == "own" else ALICE),
    ):
        await check(town, http, (method, path), token, cell, theirs)


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_key_opens_no_more_than_its_scopes(town: Town, http: AsyncClient, method: str, path: str) -> None:
    rule = ACCESS[method, path]
    if rule.is_open:
        return
    role, theirs = Role.ADMIN if rule.user is May.NO else Role.USER, ALICE
    for_sessions = rule.door in {Door.SESSION, Door.NO_API_KEY}
    await check(town, http, (method, path), f"{role}-key", "403" if for_sessions else "yes", theirs)
    if for_sessions or rule.scope is None:
        await check(town, http, (method, path), f"{role}-every-scope", "403", theirs)
        return
    await check(town, http, (method, path), f"{role}-only-{rule.scope}", "yes", theirs)
    refused = await check(town, http, (method, path), f"{role}-all-but-{rule.scope}", "403", theirs)
    assert refused.json()["code"] == "insufficient-scope"
    assert rule.scope in refused.json()["detail"]
    assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/headers/Authorization"]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_the_operator_does_what_an_admin_may_without_an_account(
    town: Town, http: AsyncClient, method: str, path: str
) -> None:
    rule = ACCESS[method, path]
    needs_account = rule.door in {Door.USER, Door.SESSION}
    await check(town, http, (method, path), "operator", "403" if needs_account else known(rule, path)[3], ALICE)


async def test_anonymous_callers_come_as_far_as_their_own_jobs_and_see_how_vendors_stand() -> None:
    lenient = Town(FakeCallers(), ALICE, anonymous_allowed=True)
    async with AsyncClient(transport=ASGITransport(lenient.app), base_url="http://gateway.test") as http:  # type: ignore[arg-type]
        for (method, path), rule in ACCESS.items():
            if rule.is_open:
                continue
            answer = await send(http, method, ALICE.path(path), None)
            own = (200, 422) if path in {"/jobs", "/jobs/batch", "/vendors", "/metrics"} else (404, 200)
            assert answer.status_code in (own if rule.door is Door.LENIENT else (401,)), (method, path)


def test_without_credentials_nobody_comes_through_a_door_that_asks_for_some() -> None:
    with pytest.raises(Forbidden):
        Rule(Door.KNOWN, admin=May.ALL).admit(ANONYMOUS)


async def check(
    town: Town, http: AsyncClient, route: tuple[str, str], token: str | None, cell: str, theirs: Somebody
) -> Response:
    """Call the route on what is `theirs`, everything being there anew, and compare with the cell."""
    method, path = route
    town.restore()
    answer = await send(http, method, theirs.path(path), token)
    where = (method, path, token, answer.status_code, answer.text[:200])
    if cell.startswith(("401", "403", "404")):
        assert answer.status_code == int(cell[:3]), where
    elif ACCESS[route].is_open:
        assert "credentials" not in answer.text or answer.status_code not in {401, 403}, where
    else:
        assert answer.status_code not in {401, 403, 404}, where
        assert answer.status_code < 500, where
    return answer


async def send(http: AsyncClient, method: str, path: str, token: str | None) -> Response:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return await http.request(method, path, headers=headers, json=None if method == "GET" else {})
